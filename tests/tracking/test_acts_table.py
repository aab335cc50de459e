"""Every act on every kind of stop in every state, written down once more as a table."""

import pytest
from tests.tracking.routes import ORDER, OS, A, K, S, act, replay, standing

from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.planning.model import StopKind, StopStatus
from doorstep.tracking.model import StopAct
from doorstep.tracking.model.rules import ACTS, allowed_acts

# What each act makes of a stop and its order, by kind and state; an act that is missing is refused.
DOOR_TO_FETCH = {
    S.PENDING: {
        A.DEPART: (S.EN_ROUTE, [OS.EN_ROUTE_TO_PICKUP]),
        A.ARRIVE: (S.ARRIVED, [OS.AT_PICKUP]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED, OS.PENDING]),
        A.SKIP: (S.SKIPPED, [OS.PENDING]),
    },
    S.EN_ROUTE: {
        A.ARRIVE: (S.ARRIVED, [OS.AT_PICKUP]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED, OS.PENDING]),
        A.SKIP: (S.SKIPPED, [OS.PENDING]),
    },
    S.ARRIVED: {
        A.COMPLETE: (S.COMPLETED, [OS.PICKED_UP]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED, OS.PENDING]),
        A.SKIP: (S.SKIPPED, [OS.PENDING]),
    },
}
DOOR_TO_BRING = {
    S.PENDING: {
        A.DEPART: (S.EN_ROUTE, [OS.EN_ROUTE_TO_DROPOFF]),
        A.ARRIVE: (S.ARRIVED, [OS.AT_DROPOFF]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED]),
        A.SKIP: (S.PENDING, []),
    },
    S.EN_ROUTE: {
        A.ARRIVE: (S.ARRIVED, [OS.AT_DROPOFF]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED]),
        A.SKIP: (S.PENDING, [OS.PICKED_UP]),
    },
    S.ARRIVED: {
        A.COMPLETE: (S.COMPLETED, [OS.DELIVERED]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED]),
        A.SKIP: (S.PENDING, [OS.EN_ROUTE_TO_DROPOFF, OS.PICKED_UP]),
    },
}
LOADING = {
    S.PENDING: {
        A.DEPART: (S.EN_ROUTE, []),
        A.ARRIVE: (S.ARRIVED, []),
        A.COMPLETE: (S.COMPLETED, [OS.PICKED_UP]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED, OS.PENDING]),
    },
    S.EN_ROUTE: {
        A.ARRIVE: (S.ARRIVED, []),
        A.COMPLETE: (S.COMPLETED, [OS.PICKED_UP]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED, OS.PENDING]),
    },
    S.ARRIVED: {
        A.COMPLETE: (S.COMPLETED, [OS.PICKED_UP]),
        A.FAIL: (S.FAILED, [OS.ATTEMPT_FAILED, OS.PENDING]),
    },
}
LOADING_ANEW = {
    S.PENDING: DOOR_TO_FETCH[S.PENDING] | {A.DEPART: (S.EN_ROUTE, []), A.ARRIVE: (S.ARRIVED, [])},
    S.EN_ROUTE: DOOR_TO_FETCH[S.EN_ROUTE] | {A.ARRIVE: (S.ARRIVED, [])},
    S.ARRIVED: DOOR_TO_FETCH[S.ARRIVED],
}
PAUSE = {
    S.PENDING: {A.DEPART: (S.EN_ROUTE, []), A.ARRIVE: (S.ARRIVED, []), A.SKIP: (S.SKIPPED, [])},
    S.EN_ROUTE: {A.ARRIVE: (S.ARRIVED, []), A.SKIP: (S.SKIPPED, [])},
    S.ARRIVED: {A.COMPLETE: (S.COMPLETED, []), A.SKIP: (S.SKIPPED, [])},
}
ENDING = {
    S.PENDING: {A.DEPART: (S.EN_ROUTE, []), A.ARRIVE: (S.ARRIVED, [])},
    S.EN_ROUTE: {A.ARRIVE: (S.ARRIVED, [])},
    S.ARRIVED: {A.COMPLETE: (S.COMPLETED, [])},
}
EXPECTED = {
    K.DEPOT_START: LOADING,
    K.PICKUP: DOOR_TO_FETCH,
    K.DROPOFF: DOOR_TO_BRING,
    K.BREAK: PAUSE,
    K.RELOAD: LOADING_ANEW,
    K.DEPOT_END: ENDING,
}


@pytest.mark.parametrize("kind", list(StopKind))
@pytest.mark.parametrize("status", list(StopStatus))
@pytest.mark.parametrize("what", list(StopAct))
def test_every_act_on_every_stop_in_every_state(kind: StopKind, status: StopStatus, what: StopAct) -> None:
    state, target = standing(kind, status)
    expected = EXPECTED[kind].get(status, {}).get(what)
    assert (what in ACTS[kind].get(status, frozenset())) == (expected is not None)
    if expected is None:
        with pytest.raises(DoorstepError) as refusal:
            act(state, target, what)
        assert refusal.value.code is ProblemCode.ILLEGAL_TRANSITION
        assert status in refusal.value.message
        for possible in allowed_acts(state, target):
            assert possible in refusal.value.message
        return
    effects = act(state, target, what)
    assert effects.after.stop(target.id).status is expected[0]
    assert replay(state, effects).get(ORDER, []) == expected[1]

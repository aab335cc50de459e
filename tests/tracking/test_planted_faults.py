"""Each wall taken down on purpose: what it keeps out gets in, so the tests of these walls test something."""

from typing import Any

import pytest
from tests.tracking.conftest import Dispatch
from tests.tracking.field import Field, Goods, Stop

from doorstep.kernel.errors import DoorstepError
from doorstep.tracking.model import rules
from doorstep.tracking.service import acts, showing


@pytest.fixture
async def field(dispatch: Dispatch) -> Any:
    made = await dispatch(
        [
            Stop("DEPOT_START", ["a", "b"], 0, 5),
            Stop("DROPOFF", ["a"], 10),
            Stop("DROPOFF", ["b"], 20),
            Stop("DEPOT_END", [], 30),
        ],
        {"a": Goods(["NOTE"])},
    )
    await made.act(0, "COMPLETE", 0, act_id="start")
    return made


async def test_without_the_gate_goods_go_without_proof(field: Field, monkeypatch: pytest.MonkeyPatch) -> None:
    await field.act(1, "ARRIVE", 5)
    with pytest.raises(DoorstepError):
        await field.act(1, "COMPLETE", 6)
    monkeypatch.setattr(showing, "require_proofs", lambda *_: None)
    await field.act(1, "COMPLETE", 6)
    assert (await field.statuses())["a"] == "DELIVERED"


async def test_without_the_memory_of_acts_a_repeat_is_no_longer_harmless(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    await field.act(0, "COMPLETE", 0, act_id="start")

    async def forgets(*_: Any) -> None:
        return None

    monkeypatch.setattr(acts, "find_act", forgets)
    with pytest.raises(DoorstepError):
        await field.act(0, "COMPLETE", 0, act_id="start")


async def test_without_merging_a_late_report_moves_the_driver_back(
    field: Field, monkeypatch: pytest.MonkeyPatch
) -> None:
    await field.act(2, "DEPART", 10)
    await field.act(1, "ARRIVE", 5)
    assert (await field.stop_statuses())[1:3] == ["PENDING", "EN_ROUTE"]
    monkeypatch.setattr(rules, "_superseded", lambda *_: False)
    await field.act(1, "ARRIVE", 5)
    assert (await field.stop_statuses())[1:3] == ["ARRIVED", "PENDING"]

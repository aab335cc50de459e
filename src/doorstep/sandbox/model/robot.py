"""What a robot does next: a pure function from the route as it stands to one act and its instant.

The robot remembers nothing but when it acted last, so that it goes on after a crash, or after somebody else's hand, from what it finds.

- On a whole route it keeps to the plan: it sets off when the plan has it leave the stop before (or later, when it is late), drives as long as
  the leg takes, waits for the planned beginning of service and serves as long as planned. A delay is carried on; a planned wait absorbs it.
- For one order alone each act follows the one before after a fixed time, and other orders' stops are left to others. When no other order waits
  on the route, the robot brings it to its end, so that what was not delivered is handed in.
- LATE: it sets off so late that it arrives that long after the order's last window, or after the planned arrival where that is later.
- At a door each order is handled by itself, since each may end differently. A door that no order needs any more is skipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from doorstep.planning.model import ORDER_STOPS, StopKind, StopStatus
from doorstep.sandbox.model.tables import FAILURES, Ending
from doorstep.tracking.model import FailureReason, StopAct

POSITIONS_PER_LEG = 3


@dataclass(frozen=True, slots=True)
class Call:
    """An open stop as the robot sees it; ``order_ids`` are those that it is still about, ``leg`` is the way to it."""

    id: UUID
    kind: StopKind
    status: StopStatus
    sequence: int
    planned_arrival: datetime
    planned_service_start: datetime
    planned_departure: datetime
    leg: timedelta
    order_ids: tuple[UUID, ...] = ()
    departed_at: datetime | None = None
    arrived_at: datetime | None = None

    @property
    def is_door(self) -> bool:
        """Whether it exists for its orders' sake."""
        return self.kind in ORDER_STOPS


@dataclass(frozen=True, slots=True)
class Script:
    """What the robot is to play: ``only`` one order (``step`` apart), or the whole route as planned.

    Orders without an ending are delivered. ``window_ends``: when the last window of an order ends, where it has windows (UTC).
    """

    endings: Mapping[UUID, Ending] = field(default_factory=dict)
    only: UUID | None = None
    step: timedelta | None = None
    window_ends: Mapping[UUID, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RobotAct:
    """An act, and when it is due on the sandbox's clock; ``order_ids`` None: whatever the stop is about."""

    call: Call
    act: StopAct
    at: datetime
    order_ids: tuple[UUID, ...] | None = None
    reason: FailureReason | None = None


def next_act(calls: Sequence[Call], script: Script, played_to: datetime) -> RobotAct | None:
    """What comes next on a route with these open stops; None: nothing is left to do. ``played_to`` is when the robot acted last."""
    call = _turn(calls, script)
    if call is None:
        return None
    if call.kind is StopKind.DEPOT_START:
        return RobotAct(call, StopAct.COMPLETE, _due(script, played_to, call.planned_departure))
    if call.is_door and not call.order_ids:
        return RobotAct(call, StopAct.SKIP, played_to)
    if call.status is StopStatus.PENDING:
        return RobotAct(call, StopAct.DEPART, _departure(call, script, played_to))
    if call.status is StopStatus.EN_ROUTE:
        return RobotAct(call, StopAct.ARRIVE, _due(script, played_to, (call.departed_at or played_to) + call.leg))
    return _ending(call, script, played_to)


def positions_due(act: RobotAct, departed: datetime) -> list[datetime]:
    """When the robot reports where it is, between setting off and arriving: at equal distances in time."""
    way = act.at - departed
    return [departed + way * number / (POSITIONS_PER_LEG + 1) for number in range(1, POSITIONS_PER_LEG + 1)]


def _turn(calls: Sequence[Call], script: Script) -> Call | None:
    """The stop whose turn it is: where the robot stands or drives to, else the first in sequence."""
    mine = [call for call in calls if _is_mine(call, calls, script)]
    return min(
        mine,
        key=lambda call: (call.kind is not StopKind.DEPOT_START, call.status is StopStatus.PENDING, call.sequence),
        default=None,
    )


def _is_mine(call: Call, calls: Sequence[Call], script: Script) -> bool:
    if script.only is None:
        return True
    if not any(other.is_door and other.order_ids for other in calls):
        return True
    ours = any(other.is_door and script.only in other.order_ids for other in calls)
    return ours and (call.kind is StopKind.DEPOT_START or (call.is_door and script.only in call.order_ids))


def _due(script: Script, played_to: datetime, planned: datetime) -> datetime:
    return played_to + script.step if script.step is not None else max(played_to, planned)


def _departure(call: Call, script: Script, played_to: datetime) -> datetime:
    leg = script.step if script.step is not None else call.leg
    due = _due(script, played_to, call.planned_arrival - call.leg)
    late = [_late_arrival(call, order_id, script) for order_id in _handled(call, script)]
    return max([due, *(arrival - leg for arrival in late if arrival is not None)])


def _late_arrival(call: Call, order_id: UUID, script: Script) -> datetime | None:
    ending = script.endings.get(order_id)
    if call.kind is not StopKind.DROPOFF or ending is None or ending.late_by is None:
        return None
    return max(call.planned_arrival, script.window_ends.get(order_id, call.planned_arrival)) + ending.late_by


def _ending(call: Call, script: Script, played_to: datetime) -> RobotAct:
    """What the robot does where it stands; at a drop-off for the first order that is left."""
    begun = max(call.arrived_at or played_to, call.planned_service_start)
    at = _due(script, played_to, begun + (call.planned_departure - call.planned_service_start))
    if call.kind is StopKind.PICKUP:
        return RobotAct(call, StopAct.COMPLETE, at, None if script.only is None else (script.only,))
    if call.kind is not StopKind.DROPOFF:
        return RobotAct(call, StopAct.COMPLETE, at)
    order_id = _handled(call, script)[0]
    reason = FAILURES.get(script.endings.get(order_id, Ending()).outcome)
    return RobotAct(call, StopAct.FAIL if reason else StopAct.COMPLETE, at, (order_id,), reason)


def _handled(call: Call, script: Script) -> list[UUID]:
    """The orders of a stop that are the robot's, always in the same order."""
    return sorted(one for one in call.order_ids if script.only in (None, one))

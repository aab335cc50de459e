"""Any sequence of acts: the database goes where a model of its own goes, and the log tells all of it.

The model knows nothing of the rules' code: it is the state machines of the design, written down once more for one small route.
"""

import asyncio
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tracking.field import Field, Goods, Stop, make_field

from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.errors import DoorstepError
from doorstep.orders.model import ProofKind
from doorstep.tracking.model.proofs import ProofGiven

KINDS = ("DEPOT_START", "DROPOFF", "PICKUP", "DROPOFF", "BREAK", "DROPOFF", "DEPOT_END")
ORDERS = (("a", "b", "c"), ("a",), ("d",), ("b", "c"), (), ("d",), ())
ACTS = ("DEPART", "ARRIVE", "COMPLETE", "FAIL", "SKIP")
OPEN = ("PENDING", "EN_ROUTE", "ARRIVED")
WAITS = ("ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP")
ABOARD = ("PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF")


class Refused(Exception):
    """The model does not take this act."""


class Model:
    """The route and its orders as the design has them; order c needs a note."""

    def __init__(self) -> None:
        self.stops = ["PENDING"] * len(KINDS)
        self.orders = dict.fromkeys("abcd", "ASSIGNED")
        self.route = "DISPATCHED"

    def live(self, at: int) -> list[str]:
        """Who is still waited for at a stop."""
        wanted = {"PICKUP": WAITS, "DEPOT_START": WAITS, "DROPOFF": WAITS + ABOARD}.get(KINDS[at], ())
        return [name for name in ORDERS[at] if self.orders[name] in wanted]

    def act(self, at: int, what: str, note: bool) -> None:
        """One act, or Refused and nothing changed."""
        kind, status, live = KINDS[at], self.stops[at], self.live(at)
        door = kind in {"PICKUP", "DROPOFF"}
        if self.route == "COMPLETED" or status not in OPEN or (at and self.stops[0] in OPEN):
            raise Refused
        if (what == "DEPART" and status != "PENDING") or (what == "ARRIVE" and status == "ARRIVED"):
            raise Refused
        if what == "FAIL" and not (kind == "DEPOT_START" or (door and live)):
            raise Refused
        if what == "SKIP" and not (door or kind == "BREAK"):
            raise Refused
        if what == "COMPLETE" and status != "ARRIVED" and not (kind == "DEPOT_START" or (door and not live)):
            raise Refused
        getattr(self, what.lower())(at, live, note)
        if self.route == "DISPATCHED" and not (kind == "DEPOT_START" and what in {"DEPART", "ARRIVE"}):
            self.route = "IN_PROGRESS"

    def depart(self, at: int, live: list[str], note: bool, becomes: str = "EN_ROUTE") -> None:
        if KINDS[at] == "DROPOFF" and live and not any(self.orders[name] in ABOARD for name in live):
            raise Refused
        for other, status in enumerate(self.stops):
            if other != at and status in {"EN_ROUTE", "ARRIVED"}:
                self.stops[other] = "PENDING"
                for name in self.live(other) if KINDS[other] == "DROPOFF" else ():
                    self.orders[name] = "PICKED_UP" if self.orders[name] in ABOARD else self.orders[name]
        self.stops[at] = becomes
        for name in live:
            if KINDS[at] == "DROPOFF" and self.orders[name] in ABOARD:
                self.orders[name] = "EN_ROUTE_TO_DROPOFF" if becomes == "EN_ROUTE" else "AT_DROPOFF"
            elif KINDS[at] == "PICKUP" and self.orders[name] != "AT_PICKUP":
                self.orders[name] = "EN_ROUTE_TO_PICKUP" if becomes == "EN_ROUTE" else "AT_PICKUP"

    def arrive(self, at: int, live: list[str], note: bool) -> None:
        self.depart(at, live, note, "ARRIVED")

    def complete(self, at: int, live: list[str], note: bool) -> None:
        if KINDS[at] == "DEPOT_END":
            self.come_back(at)
            return
        if "c" in live and KINDS[at] == "DROPOFF" and not note:
            raise Refused
        for name in live:
            self.orders[name] = "DELIVERED" if KINDS[at] == "DROPOFF" else "PICKED_UP"
        away = KINDS[at] != "DEPOT_START" and self.stops[at] != "ARRIVED"
        self.stops[at] = "CANCELLED" if away else "COMPLETED"

    def come_back(self, at: int) -> None:
        if any(self.stops[other] in OPEN and self.live(other) for other in range(at)):
            raise Refused
        for other, status in enumerate(self.stops):
            if status in OPEN:
                self.stops[other] = "SKIPPED" if KINDS[other] == "BREAK" else "CANCELLED"
        self.stops[at], self.route = "COMPLETED", "COMPLETED"
        for name, status in self.orders.items():
            self.orders[name] = "AWAITING_REATTEMPT" if status == "ATTEMPT_FAILED" else status

    def fail(self, at: int, live: list[str], note: bool) -> None:
        gone = [name for name in live if self.orders[name] in WAITS]
        for name in live:
            self.orders[name] = "PENDING" if name in gone else "ATTEMPT_FAILED"
        self.stops[at] = "FAILED"
        self.empty(gone)

    def skip(self, at: int, live: list[str], note: bool) -> None:
        gone = [name for name in live if self.orders[name] in WAITS]
        for name in live:
            self.orders[name] = "PENDING" if name in gone else "PICKED_UP"
        self.stops[at] = "PENDING" if self.live(at) else "SKIPPED"
        self.empty(gone)

    def empty(self, gone: list[str]) -> None:
        """Doors that had only these are not gone to."""
        for at, status in enumerate(self.stops):
            if (
                status in OPEN
                and set(ORDERS[at]) & set(gone)
                and KINDS[at] in {"PICKUP", "DROPOFF"}
                and not self.live(at)
            ):
                self.stops[at] = "CANCELLED"


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


steps = st.tuples(st.integers(0, len(KINDS) - 1), st.sampled_from(ACTS), st.booleans())
drives = st.tuples(st.integers(1, len(KINDS) - 1), st.sampled_from(["COMPLETE", "FAIL", "SKIP"]), st.booleans()).map(
    lambda one: [(one[0], "DEPART", False), (one[0], "ARRIVE", False), one]
)
days = st.lists(st.one_of(steps.map(lambda one: [one]), drives), min_size=3, max_size=9).map(
    lambda some: list(chain.from_iterable(some))
)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(day=days, loads=st.booleans())
def test_any_day_goes_as_the_model_says(
    loop: asyncio.AbstractEventLoop, database_urls: DatabaseUrls, day: Any, loads: bool
) -> None:
    loop.run_until_complete(_live_through(database_urls, ([(0, "COMPLETE", False)] if loads else []) + day))


async def _live_through(urls: DatabaseUrls, day: list[tuple[int, str, bool]]) -> None:
    db, system = Database(urls.app, pool_size=1), Database(urls.system, pool_size=1)
    try:
        stops = [Stop(kind, ORDERS[at], at * 10) for at, kind in enumerate(KINDS)]
        field, model = await make_field(db, system, stops, {"c": Goods(["NOTE"])}), Model()
        for minute, (at, what, note) in enumerate(day):
            await _one_act(field, model, minute, at, what, note)
        await _check_log(field)
    finally:
        await db.close()
        await system.close()


async def _one_act(field: Field, model: Model, minute: int, at: int, what: str, note: bool) -> None:
    proofs = (
        [ProofGiven(ProofKind.NOTE, note="at the door")]
        if note and what == "COMPLETE" and KINDS[at] == "DROPOFF"
        else []
    )
    before = await field.digest()
    try:
        model.act(at, what, note)
    except Refused:
        with pytest.raises(DoorstepError):
            await field.act(at, what, minute, proofs=proofs)
        assert await field.digest() == before
        return
    await field.act(at, what, minute, proofs=proofs)
    assert await field.statuses() == model.orders
    assert await field.stop_statuses() == model.stops
    assert (await field.route())["status"] == model.route
    assert sum(status in {"EN_ROUTE", "ARRIVED"} for status in model.stops) <= 1


async def _check_log(field: Field) -> None:
    """The log has no gap, and replaying it leads to what is written."""
    events = await field.events()
    assert [row["seq"] for row in events] == list(range(1, len(events) + 1))
    orders = dict.fromkeys(field.orders.values(), ("ASSIGNED", 1))
    stops = dict.fromkeys(field.stops, "PENDING")
    for row in events:
        data = row["data"]
        if row["type"] == "OrderStatusChanged":
            status, version = orders[row["order_id"]]
            assert (data["from"], row["aggregate_version"]) == (status, version + 1)
            orders[row["order_id"]] = (data["to"], version + 1)
        elif row["type"] == "StopStatusChanged":
            stop_id = next(one for one in stops if str(one) == data["stop_id"])
            assert data["from"] == stops[stop_id]
            stops[stop_id] = data["to"]
    written = await field.fetch("SELECT id, status, version FROM orders WHERE tenant_id = $1")
    assert orders == {row["id"]: (row["status"], row["version"]) for row in written}
    assert list(stops.values()) == await field.stop_statuses()

"""Acts on a real database: what a whole delivery writes and tells, and what a refusal leaves untouched."""

import asyncio
from typing import Any

import pytest
from tests.tracking.conftest import Dispatch
from tests.tracking.field import Goods, Stop, at

from doorstep.kernel.db import Database
from doorstep.kernel.errors import DoorstepError, Forbidden, ProblemCode, all_refusals
from doorstep.kernel.geo import Coordinates
from doorstep.kernel.ids import new_id, public_id
from doorstep.kernel.scope import ALL_PERMISSIONS, Permission, Principal
from doorstep.orders.model import ProofKind
from doorstep.tracking.model.proofs import ProofGiven


@pytest.fixture
def round_trip() -> list[Stop]:
    """Out with two orders and back."""
    return [
        Stop("DEPOT_START", ["a", "b"], 0, 5),
        Stop("DROPOFF", ["a"], 10),
        Stop("DROPOFF", ["b"], 20),
        Stop("DEPOT_END", [], 30, 0),
    ]


def told(rows: Any) -> list[str]:
    """The log in short: what each event says."""
    lines = []
    for row in rows:
        data = row["data"]
        step = f" {data['from']}>{data['to']}" if "from" in data else f" {data['kind']}" if "kind" in data else ""
        lines.append(f"{row['type']}{step}")
    return lines


async def test_a_whole_delivery_is_told_in_order(dispatch: Dispatch, round_trip: list[Stop]) -> None:
    field = await dispatch(round_trip, {"a": Goods(["PIN"], pin="2718")})
    await field.act(0, "COMPLETE", 0)
    await field.serve(1, 5, proofs=[ProofGiven(ProofKind.PIN, pin="2718")])
    await field.serve(2, 15)
    await field.serve(3, 25)
    assert await field.statuses() == {"a": "DELIVERED", "b": "DELIVERED"}
    assert await field.stop_statuses() == ["COMPLETED"] * 4
    route = await field.route()
    assert (route["status"], route["started_at"], route["completed_at"]) == ("COMPLETED", at(0), at(27))
    assert route["version"] == 1, "a driver's own acts do not outdate the driver's route"
    events = await field.events()
    assert [row["seq"] for row in events] == list(range(1, len(events) + 1))
    of_a = [row for row in events if row["order_id"] in {None, field.orders["a"]} and row["type"] != "OrderEtaChanged"]
    assert told(of_a)[:12] == [
        "RouteStatusChanged DISPATCHED>IN_PROGRESS",
        "StopStatusChanged PENDING>ARRIVED",
        "StopStatusChanged ARRIVED>COMPLETED",
        "OrderStatusChanged ASSIGNED>PICKED_UP",
        "StopStatusChanged PENDING>EN_ROUTE",
        "OrderStatusChanged PICKED_UP>EN_ROUTE_TO_DROPOFF",
        "StopStatusChanged EN_ROUTE>ARRIVED",
        "OrderStatusChanged EN_ROUTE_TO_DROPOFF>AT_DROPOFF",
        "StopStatusChanged ARRIVED>COMPLETED",
        "OrderStatusChanged AT_DROPOFF>DELIVERED",
        "ProofCaptured PIN",
        "StopStatusChanged PENDING>EN_ROUTE",
    ]
    assert told(events)[-1] == "RouteStatusChanged IN_PROGRESS>COMPLETED"
    delivered = next(row for row in events if row["data"].get("to") == "DELIVERED")
    assert (delivered["occurred_at"], delivered["route_id"]) == (at(7), field.route_id)
    a = await field.order("a")
    assert (a["custody"], a["attempt_number"]) == ("RECIPIENT", 0)


async def test_a_fetched_order_goes_from_the_sender_to_the_recipient(dispatch: Dispatch) -> None:
    field = await dispatch(
        [
            Stop("DEPOT_START", [], 0),
            Stop("PICKUP", ["a"], 10),
            Stop("BREAK", [], 15, 20, place=None),
            Stop("DROPOFF", ["a"], 40),
            Stop("DEPOT_END", [], 60),
        ]
    )
    await field.act(0, "COMPLETE", 0)
    await field.serve(1, 5)
    assert (await field.order("a"))["custody"] == "VEHICLE"
    await field.act(2, "ARRIVE", 9)
    await field.act(2, "COMPLETE", 29)
    await field.serve(3, 30)
    await field.serve(4, 40)
    states = [row["data"]["to"] for row in await field.events() if row["type"] == "OrderStatusChanged"]
    assert states == ["EN_ROUTE_TO_PICKUP", "AT_PICKUP", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF", "DELIVERED"]
    assert (await field.route())["status"] == "COMPLETED"


async def test_what_failed_at_the_door_waits_at_the_depot_for_another_attempt(
    dispatch: Dispatch, round_trip: list[Stop]
) -> None:
    field = await dispatch(round_trip)
    await field.act(0, "COMPLETE", 0)
    await field.serve(1, 5, "FAIL", reason="NOT_HOME", note="dog")
    await field.serve(2, 10, "FAIL", reason="REFUSED")
    assert await field.statuses() == {"a": "ATTEMPT_FAILED", "b": "RETURNING"}
    assert (await field.order("a"))["custody"] == "VEHICLE"
    await field.serve(3, 20)
    assert await field.statuses() == {"a": "AWAITING_REATTEMPT", "b": "RETURNED"}
    a = await field.order("a")
    assert (a["custody"], a["attempt_number"], a["depot_id"]) == ("DEPOT", 1, field.depot_id)
    attempts = await field.fetch("SELECT * FROM attempts WHERE tenant_id = $1 ORDER BY occurred_at")
    assert [(row["number"], row["outcome"], row["reason"], row["note"]) for row in attempts] == [
        (1, "FAILED", "NOT_HOME", "dog"),
        (1, "FAILED", "REFUSED", None),
    ]
    assert not await field.fetch("SELECT 1 FROM assignments WHERE tenant_id = $1 AND active")
    assert [row["failure_reason"] for row in await field.fetch("SELECT * FROM stops WHERE tenant_id = $1 ORDER BY sequence")] == [
        None, "NOT_HOME", "REFUSED", None,
    ]  # fmt: skip


async def test_a_fetched_order_that_failed_is_delivered_from_the_depot_next_time(dispatch: Dispatch) -> None:
    field = await dispatch(
        [
            Stop("DEPOT_START"),
            Stop("PICKUP", ["a"], 10),
            Stop("DROPOFF", ["a"], 20),
            Stop("DEPOT_END", [], 30),
        ]
    )
    await field.act(0, "COMPLETE", 0)
    await field.serve(1, 5)
    await field.serve(2, 10, "FAIL")
    await field.serve(3, 20)
    a = await field.order("a")
    assert (a["status"], a["custody"], a["depot_id"]) == ("AWAITING_REATTEMPT", "DEPOT", field.depot_id)


async def test_a_failed_pickup_leaves_the_route(dispatch: Dispatch) -> None:
    field = await dispatch(
        [
            Stop("DEPOT_START", ["b"], 0),
            Stop("PICKUP", ["a"], 10),
            Stop("DROPOFF", ["a"], 20),
            Stop("DROPOFF", ["b"], 30),
            Stop("DEPOT_END", [], 40),
        ]
    )
    await field.act(0, "COMPLETE", 0)
    await field.serve(1, 5, "FAIL", reason="CLOSED")
    assert await field.statuses() == {"a": "PENDING", "b": "PICKED_UP"}
    assert await field.stop_statuses() == ["COMPLETED", "FAILED", "CANCELLED", "PENDING", "PENDING"]
    a = await field.order("a")
    assert (a["custody"], a["eta_at"]) == ("SENDER", None)
    held = await field.fetch("SELECT order_id FROM assignments WHERE tenant_id = $1 AND active")
    assert [row["order_id"] for row in held] == [field.orders["b"]]
    await field.serve(3, 20)
    await field.serve(4, 30)
    assert (await field.route())["status"] == "COMPLETED"


async def test_skipping_changes_the_route_once_and_its_version(dispatch: Dispatch, round_trip: list[Stop]) -> None:
    field = await dispatch(round_trip)
    await field.act(0, "COMPLETE", 0)
    await field.act(1, "DEPART", 5)
    await field.act(1, "SKIP", 6)
    rows = await field.fetch("SELECT id FROM stops WHERE tenant_id = $1 ORDER BY sequence")
    order = [field.stops.index(row["id"]) for row in rows]
    assert order == [0, 2, 1, 3]
    assert (await field.route())["version"] == 2
    changes = [row for row in await field.events() if row["type"] == "RouteChanged"]
    assert len(changes) == 1
    assert (await field.order("a"))["eta_stops_before"] == 1


async def test_proofs_are_kept_with_where_they_were_taken(dispatch: Dispatch) -> None:
    field = await dispatch(
        [Stop("DEPOT_START", ["a", "b"]), Stop("DROPOFF", ["a", "b"], 10), Stop("DEPOT_END", [], 20)],
        {"a": Goods(["BARCODE", "LEFT_WITH"], barcodes=["X1", "X2"]), "b": Goods(["PIN"], pin="31415")},
    )
    await field.act(0, "COMPLETE", 0)
    await field.serve(
        1,
        5,
        place=Coordinates(47.1409, 9.52),
        proofs=[
            ProofGiven(ProofKind.BARCODE, barcode="X1"),
            ProofGiven(ProofKind.BARCODE, barcode="X2"),
            ProofGiven(ProofKind.PIN, pin="31415"),
            ProofGiven(ProofKind.LEFT_WITH, recipient_name="neighbour", order_id=field.orders["a"]),
        ],
    )
    assert await field.statuses() == {"a": "DELIVERED", "b": "DELIVERED"}
    rows = await field.fetch("SELECT * FROM proofs WHERE tenant_id = $1 ORDER BY kind, barcode")
    kept = [(row["kind"], row["barcode"], row["order_id"] == field.orders["a"]) for row in rows]
    assert kept == [("BARCODE", "X1", True), ("BARCODE", "X2", True), ("LEFT_WITH", None, True), ("PIN", None, False)]
    assert all(99 < row["distance_from_target_meters"] < 101 for row in rows)
    assert "31415" not in str([dict(row) for row in rows])
    log = str([dict(row) for row in await field.events()])
    assert "neighbour" not in log
    assert "31415" not in log


# ── refusals ────────────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_gets_anything_without_every_required_proof(dispatch: Dispatch) -> None:
    field = await dispatch(
        [Stop("DEPOT_START", ["a", "b"]), Stop("DROPOFF", ["a", "b"], 10), Stop("DEPOT_END", [], 20)],
        {"a": Goods(["BARCODE", "NOTE"], barcodes=["X1", "X2"]), "b": Goods(["PIN"], pin="31415")},
    )
    await field.act(0, "COMPLETE", 0)
    await field.act(1, "ARRIVE", 5)
    note = ProofGiven(ProofKind.NOTE, note="at the door")
    async with field.writes_nothing():
        with pytest.raises(DoorstepError) as nothing:
            await field.act(1, "COMPLETE", 6)
        assert [one.code for one in all_refusals(nothing.value)] == [ProblemCode.PROOF_REQUIRED] * 2
        missing = {one.existing_id: one.message for one in all_refusals(nothing.value)}
        assert "BARCODE, NOTE" in missing[public_id("order", field.orders["a"])]
        assert "PIN" in missing[public_id("order", field.orders["b"])]
        with pytest.raises(DoorstepError, match="1 of 2 packages") as half:
            await field.act(1, "COMPLETE", 6, orders=["a"], proofs=[note, ProofGiven(ProofKind.BARCODE, barcode="X2")])
        assert half.value.code is ProblemCode.PROOF_REQUIRED
        for wrong, path in (
            (ProofGiven(ProofKind.PIN, pin="31416"), ["proofs", "1", "pin"]),
            (ProofGiven(ProofKind.BARCODE, barcode="Y"), ["proofs", "1", "barcode"]),
            (ProofGiven(ProofKind.PIN, pin="31415", order_id=field.orders["a"]), ["proofs", "1", "pin"]),
        ):
            with pytest.raises(DoorstepError) as rejected:
                await field.act(1, "COMPLETE", 6, proofs=[note, wrong])
            assert (rejected.value.code, rejected.value.path) == (ProblemCode.PROOF_REJECTED, path)
        elsewhere = ProofGiven(ProofKind.NOTE, note="x", order_id=new_id())
        with pytest.raises(DoorstepError) as unknown:
            await field.act(1, "COMPLETE", 6, proofs=[elsewhere])
        assert (unknown.value.code, unknown.value.path) == (ProblemCode.NOT_FOUND, ["proofs", "0", "orderId"])
    await field.act(1, "COMPLETE", 7, orders=["b"], proofs=[ProofGiven(ProofKind.PIN, pin="31415")])
    assert await field.statuses() == {"a": "AT_DROPOFF", "b": "DELIVERED"}


BAD_REPORTS: list[tuple[str, dict[str, Any], ProblemCode, str]] = [
    ("COMPLETE", {"minutes": 606}, ProblemCode.INVALID_VALUE, "occurredAt"),
    ("COMPLETE", {"minutes": -9600}, ProblemCode.INVALID_VALUE, "occurredAt"),
    ("COMPLETE", {"act_id": "x" * 65}, ProblemCode.INVALID_VALUE, "actId"),
    ("COMPLETE", {"act_id": ""}, ProblemCode.INVALID_VALUE, "actId"),
    ("COMPLETE", {"act_id": "a\nb"}, ProblemCode.INVALID_VALUE, "actId"),
    ("COMPLETE", {"reason": "CLOSED"}, ProblemCode.INVALID_VALUE, "reason"),
    ("FAIL", {"reason": "OTHER", "note": "  "}, ProblemCode.REQUIRED, "note"),
    ("FAIL", {"note": "x" * 1001}, ProblemCode.INVALID_VALUE, "note"),
    ("ARRIVE", {"orders": ["a"]}, ProblemCode.INVALID_VALUE, "orderIds"),
    ("COMPLETE", {"orders": []}, ProblemCode.INVALID_VALUE, "orderIds"),
    ("COMPLETE", {"orders": ["a", "a"]}, ProblemCode.INVALID_VALUE, "orderIds"),
    ("COMPLETE", {"place": Coordinates(91, 0)}, ProblemCode.INVALID_COORDINATES, "coordinates"),
    ("COMPLETE", {"place": Coordinates(float("nan"), 0)}, ProblemCode.INVALID_COORDINATES, "coordinates"),
    ("ARRIVE", {"proofs": [ProofGiven(ProofKind.NOTE, note="x")]}, ProblemCode.INVALID_VALUE, "proofs"),
    ("COMPLETE", {"proofs": [ProofGiven(ProofKind.PIN)]}, ProblemCode.REQUIRED, "proofs.0.pin"),
    (
        "COMPLETE",
        {"proofs": [ProofGiven(ProofKind.LEFT_WITH, note="x")]},
        ProblemCode.REQUIRED,
        "proofs.0.recipientName",
    ),
    ("COMPLETE", {"proofs": [ProofGiven(ProofKind.NOTE, note="x" * 1001)]}, ProblemCode.INVALID_VALUE, "proofs.0.note"),
    ("COMPLETE", {"proofs": [ProofGiven(ProofKind.NOTE, note="x")] * 251}, ProblemCode.TOO_MANY_ITEMS, "proofs"),
    ("SKIP", {}, ProblemCode.ILLEGAL_TRANSITION, "act"),
]


async def test_a_bad_report_is_refused_and_writes_nothing(dispatch: Dispatch, round_trip: list[Stop]) -> None:
    field = await dispatch(round_trip)
    async with field.writes_nothing():
        for what, more, code, path in BAD_REPORTS:
            with pytest.raises(DoorstepError) as refusal:
                await field.act(0, what, **more)
            assert [(one.code, ".".join(one.path)) for one in all_refusals(refusal.value)] == [(code, path)]


async def test_a_stop_of_nobody_is_not_found_and_a_reader_is_forbidden(
    dispatch: Dispatch, round_trip: list[Stop]
) -> None:
    field = await dispatch(round_trip)
    other = await dispatch(round_trip)
    async with field.writes_nothing():
        stops, field.stops = field.stops, [other.stops[0]]
        with pytest.raises(DoorstepError) as refusal:
            await field.act(0, "COMPLETE")
        assert (refusal.value.code, refusal.value.path) == (ProblemCode.NOT_FOUND, ["stopId"])
        field.stops = stops
        reader = ALL_PERMISSIONS - {Permission.TRACKING_WRITE}
        field.principal = Principal(field.principal.tenant_id, field.principal.actor, reader, field.principal.clock)
        with pytest.raises(Forbidden):
            await field.act(0, "COMPLETE")


# ── repeats, old routes, two devices ────────────────────────────────────────────────────────────────────


async def test_an_act_that_is_reported_again_has_one_effect(dispatch: Dispatch, round_trip: list[Stop]) -> None:
    field = await dispatch(round_trip)
    first = await field.act(0, "COMPLETE", 0, act_id="one")
    async with field.writes_nothing():
        assert await field.act(0, "COMPLETE", 0, act_id="one") == first
        assert await field.act(0, "COMPLETE", 0, act_id="one", route_version=99) == first
        for other in ({"stop": 1}, {"minutes": 1}, {"what": "ARRIVE"}):
            with pytest.raises(DoorstepError) as refusal:
                await field.act(**{"stop": 0, "what": "COMPLETE", "minutes": 0, "act_id": "one", **other})
            assert refusal.value.code is ProblemCode.IDEMPOTENCY_MISMATCH


async def test_an_act_on_an_older_route_gets_the_present_one(dispatch: Dispatch, round_trip: list[Stop]) -> None:
    field = await dispatch(round_trip)
    await field.act(0, "COMPLETE", 0, route_version=1)
    await field.act(1, "SKIP", 1, route_version=1)
    async with field.writes_nothing():
        with pytest.raises(DoorstepError) as refusal:
            await field.act(2, "DEPART", 2, route_version=1)
    assert (refusal.value.code, refusal.value.path) == (ProblemCode.STALE_ROUTE, ["routeVersion"])
    assert refusal.value.outcome == {"id": str(field.stops[2]), "route": str(field.route_id)}
    await field.act(2, "DEPART", 2, route_version=2)


async def test_of_two_devices_that_act_at_once_one_has_an_effect(dispatch: Dispatch, round_trip: list[Stop]) -> None:
    field = await dispatch(round_trip)
    await field.act(0, "COMPLETE", 0)
    await field.act(1, "ARRIVE", 5)
    results = await asyncio.gather(*(field.act(1, "COMPLETE", 6) for _ in range(4)), return_exceptions=True)
    refusals = [one for one in results if isinstance(one, DoorstepError)]
    assert len(refusals) == 3
    assert {one.code for one in refusals} == {ProblemCode.ILLEGAL_TRANSITION}
    log = [row["data"] for row in await field.events() if row["type"] == "OrderStatusChanged"]
    assert sum(data["to"] == "DELIVERED" for data in log) == 1
    assert len(await field.fetch("SELECT 1 FROM attempts WHERE tenant_id = $1")) == 1


async def test_a_twin_of_an_act_that_is_still_at_work_gets_its_answer(
    dispatch: Dispatch, round_trip: list[Stop]
) -> None:
    field = await dispatch(round_trip)
    results = await asyncio.gather(*(field.act(0, "COMPLETE", 0, act_id="twin") for _ in range(4)))
    assert all(one == results[0] for one in results)
    assert len(await field.fetch("SELECT 1 FROM stop_acts WHERE tenant_id = $1")) == 1


async def test_acts_on_different_stops_at_once_leave_one_stop_under_way(
    dispatch: Dispatch, round_trip: list[Stop], system: Database
) -> None:
    field = await dispatch(round_trip)
    await field.act(0, "COMPLETE", 0)
    await asyncio.gather(*(field.act(stop, "DEPART", 5) for stop in (1, 2, 3)))
    assert sorted(await field.stop_statuses()) == ["COMPLETED", "EN_ROUTE", "PENDING", "PENDING"]


# ── late acts ───────────────────────────────────────────────────────────────────────────────────────────


async def test_acts_of_an_offline_phone_are_merged_by_their_own_time(
    dispatch: Dispatch, round_trip: list[Stop]
) -> None:
    field = await dispatch(round_trip)
    await field.act(0, "COMPLETE", 0)
    await field.act(1, "ARRIVE", 10)
    await field.act(1, "DEPART", 5)
    assert (await field.stop_statuses())[1] == "ARRIVED"
    await field.act(2, "DEPART", 15)
    await field.act(1, "COMPLETE", 14)
    assert await field.statuses() == {"a": "DELIVERED", "b": "EN_ROUTE_TO_DROPOFF"}
    assert (await field.stop_statuses())[1:3] == ["COMPLETED", "EN_ROUTE"]
    stop = (await field.fetch("SELECT * FROM stops WHERE tenant_id = $1 AND sequence = 1"))[0]
    assert (stop["departed_at"], stop["arrived_at"], stop["closed_at"]) == (at(5), at(10), at(14))
    await field.act(1, "ARRIVE", 9)
    assert (await field.stop_statuses())[1:3] == ["COMPLETED", "EN_ROUTE"]

"""advanceStop and reportPositions as a device sees them, over HTTP."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.tracking.conftest import Dispatch
from tests.tracking.field import Field, Goods, Stop, at

from doorstep.identity.service import create_key
from doorstep.kernel.db import Database, DatabaseUrls
from doorstep.kernel.ids import public_id
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server, running_server
from doorstep.settings import Settings

ADVANCE = """
mutation ($input: AdvanceStopInput!) {
  advanceStop(input: $input) {
    stop { id status arrivedAt orders { id } }
    route { id status version }
    orders { id status custody attempts { number outcome reason note stop { id } } proofs { kind note recipientName order { id } } }
    problems { code message path existingId }
  }
}
"""
REPORT = """
mutation ($input: ReportPositionsInput!) {
  reportPositions(input: $input) {
    results { index kept vehicle { position { coordinates { latitude longitude } occurredAt speedMetersPerSecond } } problems { code path } }
    problems { code }
  }
}
"""
PROOF_EVENTS = """
query { events(first: 250, filter: { types: ["ProofCaptured"] }) { nodes {
  ... on ProofCaptured { kind orderId stopId proof { note stop { id } } order { status } occurredAt }
} } }
"""


class Device:
    """A driver's device: it knows its stops by number."""

    def __init__(self, http: httpx.AsyncClient, field: Field) -> None:
        self.http = http
        self.field = field
        self.stops = [public_id("stop", stop_id) for stop_id in field.stops]
        self.orders = {name: public_id("order", order_id) for name, order_id in field.orders.items()}

    async def ask(self, document: str, **variables: Any) -> dict[str, Any]:
        """The whole answer."""
        response = await self.http.post("/graphql", json={"query": document, "variables": variables})
        answer: dict[str, Any] = response.json()
        return answer

    async def act(self, stop: int, what: str, act_id: str, **more: Any) -> dict[str, Any]:
        """The payload of an act."""
        answer = await self.ask(ADVANCE, input={"stopId": self.stops[stop], "act": what, "actId": act_id, **more})
        assert "errors" not in answer, answer
        payload: dict[str, Any] = answer["data"]["advanceStop"]
        return payload


@pytest.fixture
async def server(database_urls: DatabaseUrls, tmp_path: Path) -> AsyncIterator[Server]:
    settings = Settings(home=tmp_path, roads="straight", drain_seconds=5)  # type: ignore[call-arg]
    async with running_server(settings, database_urls, work=False, port=0) as running:
        yield running


@pytest.fixture
async def device(server: Server, dispatch: Dispatch, system: Database) -> AsyncIterator[Device]:
    field = await dispatch(
        [
            Stop("DEPOT_START", ["a", "b"], 0, 5),
            Stop("DROPOFF", ["a"], 10),
            Stop("DROPOFF", ["b"], 20),
            Stop("DEPOT_END", [], 30),
        ],
        {"a": Goods(["LEFT_WITH"])},
    )
    async with system.transaction() as tx:
        tenant = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", field.principal.tenant_id)
    _, key = await create_key(system, tenant, "device", sorted(ALL_PERMISSIONS))
    async with httpx.AsyncClient(base_url=server.url, headers={"authorization": f"Bearer {key}"}, timeout=30) as http:
        yield Device(http, field)


async def test_a_day_on_the_phone(device: Device) -> None:
    loaded = await device.act(0, "COMPLETE", "1", occurredAt=at(0).isoformat())
    assert loaded["problems"] == []
    assert loaded["route"]["status"] == "IN_PROGRESS"
    assert {one["status"] for one in loaded["orders"]} == {"PICKED_UP"}
    await device.act(1, "ARRIVE", "2", occurredAt=at(5).isoformat())

    refused = await device.act(1, "COMPLETE", "3")
    assert (refused["stop"], refused["route"], refused["orders"]) == (None, None, [])
    assert [(one["code"], one["path"], one["existingId"]) for one in refused["problems"]] == [
        ("PROOF_REQUIRED", ["proofs"], device.orders["a"])
    ]
    proof = {"kind": "LEFT_WITH", "recipientName": "Ida", "note": "second floor"}
    done = await device.act(1, "COMPLETE", "3", occurredAt=at(6).isoformat(), proofs=[proof])
    assert done["stop"] == {
        "id": device.stops[1], "status": "COMPLETED", "arrivedAt": "2027-03-01T09:05:00Z", "orders": [{"id": device.orders["a"]}],
    }  # fmt: skip
    order = done["orders"][0]
    assert (order["status"], order["custody"]) == ("DELIVERED", "RECIPIENT")
    assert [(one["number"], one["outcome"]) for one in order["attempts"]] == [(1, "DELIVERED")]
    assert order["proofs"] == [
        {"kind": "LEFT_WITH", "note": "second floor", "recipientName": "Ida", "order": {"id": device.orders["a"]}}
    ]
    events = (await device.ask(PROOF_EVENTS))["data"]["events"]["nodes"]
    assert events == [
        {
            "kind": "LEFT_WITH", "orderId": device.orders["a"], "stopId": device.stops[1], "occurredAt": "2027-03-01T09:06:00Z",
            "proof": {"note": "second floor", "stop": {"id": device.stops[1]}}, "order": {"status": "DELIVERED"},
        }
    ]  # fmt: skip

    failed = await device.act(2, "FAIL", "4", reason="OTHER", note="gate", occurredAt=at(9).isoformat())
    attempt = {"number": 1, "outcome": "FAILED", "reason": "OTHER", "note": "gate", "stop": {"id": device.stops[2]}}
    assert failed["orders"][0]["attempts"] == [attempt]
    await device.act(3, "ARRIVE", "5", occurredAt=at(12).isoformat())
    home = await device.act(3, "COMPLETE", "6", occurredAt=at(13).isoformat())
    assert home["route"]["status"] == "COMPLETED"
    assert {one["id"]: one["status"] for one in home["orders"]} == {device.orders["b"]: "AWAITING_REATTEMPT"}


async def test_a_repeat_shows_the_present_and_an_old_route_too(device: Device) -> None:
    first = await device.act(0, "COMPLETE", "1", idempotencyKey="k")
    assert await device.act(0, "COMPLETE", "1") == first
    assert await device.act(0, "COMPLETE", "1", idempotencyKey="k") == first
    mismatch = await device.act(1, "DEPART", "1")
    assert [(one["code"], one["path"]) for one in mismatch["problems"]] == [("IDEMPOTENCY_MISMATCH", ["actId"])]
    await device.act(1, "SKIP", "2", routeVersion=1)
    stale = await device.act(2, "DEPART", "3", routeVersion=1)
    assert [one["code"] for one in stale["problems"]] == ["STALE_ROUTE"]
    assert (stale["route"]["version"], stale["stop"]["id"]) == (2, device.stops[2])


async def test_bad_input_is_a_problem_with_its_place(device: Device) -> None:
    async with device.field.writes_nothing():
        for more, code, path in (
            ({"stopId": "stop_nonsense"}, "INVALID_ID", ["stopId"]),
            ({"stopId": device.orders["a"]}, "INVALID_ID", ["stopId"]),
            ({"orderIds": ["x"]}, "INVALID_ID", ["orderIds", "0"]),
            ({"proofs": [{"kind": "NOTE", "note": "x", "orderId": "x"}]}, "INVALID_ID", ["proofs", "0", "orderId"]),
            ({"idempotencyKey": ""}, "INVALID_VALUE", ["idempotencyKey"]),
        ):
            answer = await device.act(0, "COMPLETE", "1", **more)
            assert [(one["code"], one["path"]) for one in answer["problems"]] == [(code, path)]
        unknown = await device.ask(ADVANCE, input={"stopId": device.stops[0], "act": "FLY", "actId": "1"})
        assert unknown["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


async def test_positions_show_at_their_vehicle(device: Device) -> None:
    vehicle = public_id("vehicle", device.field.vehicle_id)

    def position(minutes: float, latitude: float, **more: Any) -> dict[str, Any]:
        place = {"latitude": latitude, "longitude": 9.5}
        return {"vehicleId": vehicle, "coordinates": place, "occurredAt": at(minutes).isoformat(), **more}

    positions = [
        position(599, 47.1),
        position(600, 47.2, speedMetersPerSecond=4.5),
        {**position(600, 1), "vehicleId": "x"},
    ]
    answer = (await device.ask(REPORT, input={"positions": positions}))["data"]["reportPositions"]
    assert answer["problems"] == []
    shown = {
        "coordinates": {"latitude": 47.2, "longitude": 9.5}, "occurredAt": "2027-03-01T19:00:00Z", "speedMetersPerSecond": 4.5,
    }  # fmt: skip
    assert answer["results"] == [
        {"index": 0, "kept": False, "vehicle": {"position": shown}, "problems": []},
        {"index": 1, "kept": True, "vehicle": {"position": shown}, "problems": []},
        {"index": 2, "kept": False, "vehicle": None, "problems": [{"code": "INVALID_ID", "path": ["vehicleId"]}]},
    ]

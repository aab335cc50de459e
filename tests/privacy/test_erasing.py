"""Erasing a person: everything that held them is empty, the orders and the log stand, and there is a receipt."""

import io
import itertools
import logging
from collections import Counter, defaultdict
from collections.abc import Iterator
from random import randrange
from typing import Any
from uuid import uuid4

import pytest
import structlog
from graphql import get_named_type as named
from graphql import is_leaf_type
from tests.privacy.conftest import Desk, Office

from doorstep.kernel.db import Database
from doorstep.kernel.erasure import Keep
from doorstep.kernel.logs import configure_logging
from doorstep.privacy.erasure import ALL
from doorstep.privacy.service import erasing
from doorstep.schema import build_schema

RECEIPT = "receipt { id at cause actor { kind id } orderIds counts { table rows } }"


class Canaries:
    """Texts that no map contains, each its own; and a home, a number and a PIN, which texts cannot be."""

    def __init__(self) -> None:
        self.flock = f"canary{uuid4().hex[:8]}"
        self.phone = f"+4930{randrange(2_000_000, 9_000_000)}"
        self.email = f"{self.flock.capitalize()}@example.org"
        self.pin = str(randrange(10_000_000, 99_999_999))
        self.home = {
            "latitude": round(47.14 + randrange(10**6) / 10**9, 9),
            "longitude": round(9.53 + randrange(10**6) / 10**9, 9),
        }
        self.all = (self.flock, self.phone, self.pin, *map(str, self.home.values()))
        self._numbers = itertools.count(1)

    def __call__(self, where: str) -> str:
        """A new one."""
        return f"{self.flock}-{where}-{next(self._numbers)}"


async def found(system: Database, *texts: str) -> list[str]:
    """Where any of the texts stands: every row of every table but the map's address index, as PostgreSQL prints it."""
    places = []
    async with system.transaction() as tx:
        tables = await tx.fetch(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm') "
            "AND NOT relispartition AND relname NOT LIKE 'map\\_%' ORDER BY 1"
        )
        for table in (row["relname"] for row in tables):
            rows = await tx.fetch(
                f"SELECT to_jsonb(t)::text AS text FROM {table} AS t WHERE to_jsonb(t)::text ILIKE ANY($1)",
                [f"%{text}%" for text in texts],
            )
            places += [f"{table}: {row['text']}" for row in rows]
    return places


def waypoint(canary: Canaries) -> dict[str, Any]:
    """One end of an order with a canary in every text."""
    return {
        "address": {
            "line1": f"{canary('street')} 7",
            "line2": canary("floor"),
            "city": canary("city"),
            "postalCode": "9498",
        },
        "coordinates": canary.home,
        "contact": {"name": canary("name"), "phone": canary.phone, "email": canary.email},
        "windows": [{"start": "2026-01-01T09:00:00Z", "end": "2099-03-01T10:00:00Z"}],
        "instructions": canary("instructions"),
        "accessCode": canary("code"),
    }


def order(canary: Canaries, **changes: Any) -> dict[str, Any]:
    """An order with a canary in every text but its skills, which its vehicle would have to have."""
    return {
        "reference": canary("reference"),
        "displayReference": canary("display"),
        "dropoff": waypoint(canary),
        "packages": [{"barcode": canary("barcode"), "description": canary("content")}],
        "metadata": {canary("key"): canary("value"), "list": [canary("deep")]},
        "idempotencyKey": canary("idempotency"),
        **changes,
    }


async def lived_through(desk: Desk, canary: Canaries) -> list[str]:
    """Orders with a whole life behind them: changed, delivered with proofs, failed with notes, called off; their ids."""
    await desk.furnish()
    ids = []
    for kind in ("DELIVERY", "PICKUP_AND_DELIVERY"):
        pickup = {"pickup": waypoint(canary)} if kind == "PICKUP_AND_DELIVERY" else {}
        fields = order(canary, kind=kind, depotId=desk.things["depotId"], **pickup)
        fields["proofRequired"] = {"kinds": ["PIN", "BARCODE"], "pin": canary.pin}
        ids.append((await desk.made("createOrder", "order { id }", **fields))["order"]["id"])
    change = {"instructions": canary("changed"), "contact": {"name": canary("renamed"), "phone": canary.phone}}
    await desk.made("updateOrder", id=ids[0], dropoff=change, metadata={"m": canary("m")}, idempotencyKey=canary("key"))
    assigned = await desk.made(
        "assignOrders", "route { id stops { id kind orders { id } } }", orderIds=ids, shiftId=desk.things["shiftId"]
    )
    for stop in assigned["route"]["stops"]:
        await serve(desk, canary, stop, ids)
    [route] = await desk.rows("SELECT status FROM routes WHERE tenant_id = $1")
    assert route["status"] == "COMPLETED"
    await desk.made("cancelOrder", id=ids[1], idempotencyKey=canary("cancel"))
    ids.append(await place_and_cancel(desk, canary, requiredSkills=[canary("skill")]))
    bulk = [{**order(canary), "idempotencyKey": None} for _ in range(2)]
    for one in bulk:
        del one["idempotencyKey"]
    made = await desk.made("createOrders", "results { order { id } }", orders=bulk, idempotencyKey=canary("bulk"))
    for result in made["results"]:
        await desk.made("cancelOrder", id=result["order"]["id"])
        ids.append(result["order"]["id"])
    return ids


async def place_and_cancel(desk: Desk, canary: Canaries, **fields: Any) -> str:
    """The id of a full order that was called off."""
    payload = await desk.made("createOrder", "order { id }", **order(canary, **fields))
    order_id: str = payload["order"]["id"]
    await desk.made("cancelOrder", id=order_id)
    return order_id


async def serve(desk: Desk, canary: Canaries, stop: dict[str, Any], ids: list[str]) -> None:
    """What the driver does at a stop: the first order is delivered, the second is not."""
    delivers = stop["kind"] == "DROPOFF"
    subjects = [one["id"] for one in stop["orders"]] if delivers else []
    acts: list[dict[str, Any]] = [] if stop["kind"] == "DEPOT_START" else [{"act": "ARRIVE"}]
    if ids[0] in subjects:
        [barcode] = await desk.rows(
            "SELECT barcode FROM packages JOIN orders ON orders.id = order_id WHERE packages.tenant_id = $1 AND kind = 'DELIVERY'"
        )
        proofs = [
            {"kind": "PIN", "pin": canary.pin},
            {"kind": "BARCODE", "barcode": barcode["barcode"]},
            {"kind": "NOTE", "note": canary("proof")},
            {"kind": "LEFT_WITH", "recipientName": canary("neighbour"), "note": canary("remark")},
        ]
        acts.append({"act": "COMPLETE", "orderIds": [ids[0]], "proofs": proofs})
    if ids[1] in subjects:
        failure = {"reason": "OTHER", "note": canary("failure"), "proofs": [{"kind": "NOTE", "note": canary("why")}]}
        acts.append({"act": "FAIL", "orderIds": [ids[1]], **failure})
    if not subjects:
        acts.append({"act": "COMPLETE"})
    for act in acts:
        await desk.made(
            "advanceStop",
            stopId=stop["id"],
            actId=canary("act") if stop["orders"] else uuid4().hex,
            coordinates=canary.home,
            idempotencyKey=canary("k") if stop["orders"] else uuid4().hex,
            **act,
        )


def whole_log() -> str:
    """A query of the event log that shows every field of every type of event that is no object."""
    schema = build_schema()._schema
    kinds: list[Any] = schema.get_possible_types(schema.type_map["Event"])  # type: ignore[arg-type,assignment]
    types: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for name, one in (pair for kind in kinds for pair in kind.fields.items()):
        types[name][str(one.type)] += 1
    usual = {name: counts.most_common(1)[0][0] for name, counts in types.items()}
    parts = []
    for kind in kinds:
        leaves = {
            name: str(one.type) for name, one in kind.fields.items() if is_leaf_type(named(one.type)) and not one.args
        }
        # A name that means another type than in most events needs an alias, of which a document may have few.
        shown = " ".join(
            name if usual[name] == type_ else f"{kind.name}_{name}: {name}" for name, type_ in leaves.items()
        )
        parts.append(f"... on {kind.name} {{ {shown} }}")
    page = "pageInfo { hasNextPage endCursor }"
    return f"query($after: Cursor) {{ events(first: 20, after: $after) {{ nodes {{ __typename {' '.join(parts)} }} {page} }} }}"


async def replayed(desk: Desk) -> list[dict[str, Any]]:
    """The event log from its start to its end."""
    events: list[dict[str, Any]] = []
    after = None
    while True:
        page = (await desk.data(whole_log(), after=after))["events"]
        events += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return events


def without_numbers(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events without what they show of the order as of now."""
    now = {"reference", "displayReference"}
    return [{name: value for name, value in event.items() if name not in now} for event in events]


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    """What the server logs, at the wordiest level that an operator runs it with."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


ORDER = """
query($id: ID!) { order(by: {id: $id}) { id reference displayReference status version erasedAt metadata requiredSkills proofRequired { kinds pin }
  packages { barcode description } attempts { note outcome } proofs { kind note recipientName barcode coordinates { latitude } }
  pickup { ...end } dropoff { ...end } } }
fragment end on Waypoint { address { line1 line2 city region postalCode country formatted } coordinates { latitude } contact { name }
  instructions accessCode }
"""
EMPTY = {
    "address": {
        "line1": "erased", "line2": None, "city": "erased", "region": None, "postalCode": None, "country": "LI", "formatted": "erased",
    },
    "coordinates": None,
    "contact": None,
    "instructions": None,
    "accessCode": None,
}  # fmt: skip


async def test_nothing_holds_an_erased_person_any_more(desk: Desk, office: Office, log_lines: io.StringIO):
    canary = Canaries()
    ids = await lived_through(desk, canary)
    held = {place.partition(":")[0] for place in await found(office.system, *canary.all)}
    assert held == {
        "orders", "order_waypoints", "packages", "proofs", "attempts", "stops", "stop_acts", "idempotency_keys",
    }  # fmt: skip
    before = await replayed(desk)
    payload = await desk.made("eraseRecipient", RECEIPT, phone=canary.phone, email=canary.email.upper())
    receipt = payload["receipt"]
    assert (set(receipt["orderIds"]), receipt["cause"]) == (set(ids), "REQUEST")
    assert receipt["actor"] == {"kind": "API_KEY", "id": desk.key_id}
    counts = {count["table"]: count["rows"] for count in receipt["counts"]}
    assert set(counts) == held | {"audit_entries"}
    assert (counts["orders"], counts["order_waypoints"]) == (5, 6)

    assert await found(office.system, *canary.all) == []
    assert (
        await desk.rows("SELECT id FROM audit_entries WHERE tenant_id = $1 AND changes::text LIKE '%\"dropoff%hmac%'")
        == []
    )
    assert canary.flock not in log_lines.getvalue()

    for order_id in ids:
        emptied = (await desk.data(ORDER, id=order_id))["order"]
        assert emptied["dropoff"] == EMPTY
        assert emptied["pickup"] in (None, EMPTY)
        assert (emptied["reference"], emptied["metadata"], emptied["proofRequired"]["pin"]) == (None, {}, None)
        assert emptied["erasedAt"]
    assert {proof["kind"] for proof in (await desk.data(ORDER, id=ids[0]))["order"]["proofs"]} >= {"NOTE", "LEFT_WITH"}

    after = await replayed(desk)
    assert without_numbers(after[: len(before)]) == without_numbers(before)
    told = after[len(before) :]
    assert {event["__typename"] for event in told} == {"RecipientErased"}
    assert {event["orderId"] for event in told} == set(ids)
    assert {event["erasureId"] for event in told} == {receipt["id"]}


FAULTS = [
    ("attempts", "note"), ("proofs", "recipient_name"), ("order_waypoints", "instructions"), ("orders", "metadata"), ("packages", "barcode"),
    ("stop_acts", "act_id"), ("stops", "latitude"),
]  # fmt: skip


async def test_a_rule_that_is_missing_is_noticed(desk: Desk, office: Office, monkeypatch: pytest.MonkeyPatch):
    canary = Canaries()
    await lived_through(desk, canary)
    faulty = [
        type(rules)(
            rules.table,
            {name: Keep("a fault") if (rules.table, name) in FAULTS else rule for name, rule in rules.columns.items()},
            rules.of_orders,
            rules.delete,
            rules.marks,
            rules.by,
        )
        for rules in ALL
        if rules.table != "idempotency_keys"
    ]
    monkeypatch.setattr(erasing, "ALL", faulty)
    await desk.made("eraseRecipient", RECEIPT, phone=canary.phone)
    places = {place.partition(":")[0] for place in await found(office.system, *canary.all)}
    assert places == {*(table for table, _ in FAULTS), "idempotency_keys"}

"""A merchant erases somebody: the carriers' copies of the order go empty, too, each with a receipt of its own."""

from typing import Any

import pytest
from tests.orders.conftest import office, orders_system, orders_urls, straight_roads
from tests.partners.conftest import CONTACT, Pair, do, pair

from doorstep.privacy import jobs
from doorstep.settings import Settings

__all__ = ["Settings", "jobs", "office", "orders_system", "orders_urls", "pair", "straight_roads"]

PLACES = "pickup { address { formatted } contact { name phone } } dropoff { address { formatted } contact { name phone email } instructions }"
RECEIPTS = "{ erasures { nodes { cause counts { table rows } } } }"


async def receipts(desk: Any) -> list[str]:
    return [one["cause"] for one in (await desk.data(RECEIPTS))["erasures"]["nodes"]]


async def test_the_carrier_s_copy_is_emptied_with_a_receipt_of_its_own(pair: Pair) -> None:
    job = await pair.accepted()
    for act in ("ASSIGN", "PICK_UP", "ARRIVE", "DELIVER"):
        await job.report(act)
    await pair.relay()
    assert CONTACT["name"] in str(await pair.carrier.order(job.copy_id, PLACES))
    payload = await do(pair.merchant, "eraseRecipient", "receipt { id }", orderIds=[job.order_id])
    assert not payload["problems"], payload
    await pair.relay()
    await pair.relay()
    assert await receipts(pair.merchant) == ["REQUEST"]
    assert await receipts(pair.carrier) == ["PARTNER"]
    for desk, order_id in ((pair.merchant, job.order_id), (pair.carrier, job.copy_id)):
        assert "Greta" not in str(await desk.order(order_id, PLACES))
    tenders = "{ tenders { nodes { pickup { address { formatted } coordinates { latitude } } dropoffArea { city postalCode } } } }"
    [tender] = (await pair.carrier.data(tenders))["tenders"]["nodes"]
    assert tender == {
        "pickup": {"address": {"formatted": "erased"}, "coordinates": None},
        "dropoffArea": {"city": "erased", "postalCode": None},
    }


@pytest.mark.parametrize("side", ["merchant", "carrier"])
async def test_a_carrier_empties_no_order_of_the_merchant(pair: Pair, side: str) -> None:
    job = await pair.accepted()
    for act in ("ASSIGN", "PICK_UP", "ARRIVE", "DELIVER"):
        await job.report(act)
    await pair.relay()
    desk, order_id = (pair.carrier, job.copy_id) if side == "carrier" else (pair.merchant, job.order_id)
    await do(desk, "eraseRecipient", "receipt { id }", orderIds=[order_id])
    await pair.relay()
    kept = "Greta" in str(await pair.merchant.order(job.order_id, PLACES))
    assert kept is (side == "carrier")

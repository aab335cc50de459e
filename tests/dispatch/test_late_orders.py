"""What is late already is brought all the same, also where a route is computed once more when it is given away."""

from datetime import UTC, datetime, timedelta

from tests.dispatch.conftest import NORTH, Town

from doorstep.dispatch.model import OfferAnswer
from doorstep.dispatch.service import answer_offer, settle_offer


def passed() -> list[dict[str, str]]:
    """A window that ended half an hour ago."""
    now = datetime.now(UTC)
    return [{"start": (now - timedelta(hours=2)).isoformat(), "end": (now - timedelta(minutes=30)).isoformat()}]


async def test_a_late_order_that_a_driver_accepts_is_the_drivers(town: Town) -> None:
    await town.allow(offer_seconds=60)
    shift_id = await town.courier()
    [order_id] = await town.world.add_orders(1, windows=passed())
    await town.round()
    [offer] = await town.offers()
    await town.world.do(answer_offer, offer["id"], OfferAnswer.ACCEPT)
    await settle_offer(town.world.db, town.principal, town.world.engines, offer["id"])
    assert await town.whose() == {order_id: shift_id}
    assert await town.status(order_id) == "ASSIGNED"
    assert len(await town.offers("ASSIGNED")) == 1


async def test_of_more_late_orders_than_a_courier_may_have_it_gets_as_many(town: Town) -> None:
    await town.allow(most_orders=1)
    await town.courier()
    await town.world.add_orders(2, windows=passed(), position=NORTH)
    assert await town.round() == 1
    assert len(await town.whose()) == 1

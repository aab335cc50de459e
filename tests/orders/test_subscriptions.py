"""``order`` and ``orders`` over a real socket: what changes is told as it is now, to whoever's filter finds it."""

from tests.identity.conftest import Client, company, place
from tests.kernel.streams.conftest import following, is_caught_up

__all__ = ["company", "place"]

ONE = "subscription ($id: ID!) { order(id: $id) { id status version } }"
MANY = "subscription ($after: Cursor, $filter: OrderFilter) { orders(after: $after, filter: $filter) { kind cursor order { id status } } }"


async def test_an_order_is_told_at_once_and_whenever_it_changes(company: Client) -> None:
    order, other = await company.order(None), await company.order(None)
    async with following(company, ONE, id=order) as one:
        first = await one.next()
        await company.do("cancelOrder", "order { id }", id=other)
        await company.do("updateOrder", "order { id }", id=order, priority=7)
        assert (await one.next())["version"] == first["version"] + 1
        await company.do("cancelOrder", "order { id }", id=order)
        assert (await one.next())["status"] == "CANCELLED"


async def test_an_order_of_somebody_else_does_not_exist(company: Client, place) -> None:
    other = await place.company()
    foreign = await other.order(None)
    async with following(company, ONE, id=foreign) as one:
        message = await one.message()
    assert message["type"] == "error"
    assert message["payload"][0]["extensions"]["problem"] == "NOT_FOUND"


async def test_orders_that_change_are_told_to_whom_the_filter_lets_them_through(company: Client) -> None:
    here, there = await company.depot(), await company.depot()
    cancelled = {"depotIds": [here], "statuses": ["CANCELLED"]}
    async with (
        following(company, MANY) as everything,
        following(company, MANY, filter=cancelled) as one,
    ):
        await everything.until(is_caught_up)
        start = await one.until(is_caught_up)
        orders = [await company.order(here), await company.order(there), await company.order(here)]
        for order in orders[:2]:
            await company.do("cancelOrder", "order { id }", id=order)
        item = await one.next()
        assert (item["order"]["id"], item["order"]["status"]) == (orders[0], "CANCELLED")
        seen = set()
        while len(seen) < 5:
            told = (await everything.next())["order"]
            seen.add((told["id"], told["status"] == "CANCELLED"))
    async with following(company, MANY, after=start["cursor"], filter=cancelled) as again:
        assert [(await again.next())["kind"] for _ in range(2)] == ["CHANGE", "CAUGHT_UP"]
        assert again.seen[0]["order"]["id"] == orders[0]


async def test_a_till_hears_of_its_own_shop_s_orders_alone(company: Client) -> None:
    here, there = await company.depot(), await company.depot()
    till = await company.key("orders:write", depotIds=[here])
    async with following(till, MANY) as one:
        await one.until(is_caught_up)
        await company.order(there)
        mine = await company.order(here)
        assert (await one.next())["order"]["id"] == mine

"""Which depot an order comes from when it names none: the nearest that is open when it is due, where the tenant wants that."""

from typing import Any

import numpy as np
import pytest
from tests.orders.conftest import ADDRESS, Desk, dropoff, window

from doorstep.places.errors import RoadsUnavailable
from doorstep.places.roads import Matrix, Roads

WEST, EAST, FAR = 9.500, 9.540, 9.700
MORNINGS = {"opens": "06:00", "closes": "12:00", "weekdays": [1, 2, 3, 4, 5]}
DEPOT = "depot { id name }"
MONDAY, SATURDAY = "2027-03-01", "2027-03-06"


def at(longitude: float) -> dict[str, float]:
    return {"latitude": 47.14, "longitude": longitude}


async def depot(desk: Desk, name: str, longitude: float, *hours: dict[str, Any]) -> str:
    create = "mutation($input: CreateDepotInput!) { createDepot(input: $input) { depot { id openingHours { opens closes weekdays } } problems { code path } } }"
    given = {"name": name, "address": ADDRESS, "coordinates": at(longitude), "openingHours": list(hours), "timeZone": "Europe/Vaduz"}  # fmt: skip
    payload = (await desk.data(create, input=given))["createDepot"]
    assert payload["problems"] == []
    assert payload["depot"]["openingHours"] == list(hours)
    made: str = payload["depot"]["id"]
    return made


async def prefer_nearest(desk: Desk, wanted: bool = True) -> None:
    change = "mutation($input: UpdateTenantInput!) { updateTenant(input: $input) { tenant { policies { nearestDepot } } problems { code } } }"
    payload = (await desk.data(change, input={"policies": {"nearestDepot": wanted}}))["updateTenant"]
    assert payload["tenant"]["policies"]["nearestDepot"] is wanted


async def depot_of(desk: Desk, longitude: float, **fields: Any) -> str | None:
    """The name of the depot that a new order there gets."""
    placed = await desk.place(dropoff=dropoff(coordinates=at(longitude), **fields.pop("end", {})), **fields)
    shown = (await desk.order(placed["id"], DEPOT))["depot"]
    return None if shown is None else str(shown["name"])


async def test_an_order_goes_to_the_nearest_depot_where_the_tenant_wants_it(desk: Desk) -> None:
    west, east = await depot(desk, "west", WEST), await depot(desk, "east", EAST)
    assert await depot_of(desk, WEST) is None, "the plan decides"
    await prefer_nearest(desk)
    assert await depot_of(desk, WEST + 0.001) == "west"
    assert await depot_of(desk, EAST + 0.1) == "east"
    assert await depot_of(desk, WEST, depotId=east) == "east", "who names one gets it"
    fetched = {"address": ADDRESS, "coordinates": at(WEST)}
    assert await depot_of(desk, WEST, kind="PICKUP_AND_DELIVERY", pickup=fetched) is None, "it is not loaded at a depot"
    placed = [data for kind, data, _ in await desk.events() if kind == "OrderPlaced"]
    assert [one["depot_id"] is None for one in placed] == [True, False, False, False, True]

    archive = "mutation($input: ArchiveDepotInput!) { archiveDepot(input: $input) { problems { message } } }"
    assert not (await desk.data(archive, input={"id": west}))["archiveDepot"]["problems"]
    assert await depot_of(desk, WEST) == "east"
    await prefer_nearest(desk, False)
    assert await depot_of(desk, WEST) is None


async def test_only_a_depot_that_is_open_when_the_order_is_due_is_taken(desk: Desk) -> None:
    await depot(desk, "west", WEST, MORNINGS)
    await depot(desk, "east", EAST, {"opens": "00:00", "closes": "24:00", "weekdays": [1, 2, 3, 4, 5, 6]})
    await prefer_nearest(desk)
    for day, due, name in (
        (MONDAY, "10:59", "west"),  # 11:59 in Vaduz
        (MONDAY, "11:00", "east"),
        (SATURDAY, "10:00", "east"),
        ("2027-03-07", "10:00", None),  # Sunday: nobody
    ):
        end = {"windows": [window("05:30", due, day)]}
        assert await depot_of(desk, WEST, end=end) == name, (day, due)


async def test_the_shorter_drive_wins_and_without_roads_the_shorter_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, longitude in (("west", WEST), ("east", EAST), ("far", FAR), ("farthest", FAR + 1)):
        await depot(desk, name, longitude)
    await prefer_nearest(desk)
    asked: list[int] = []

    async def a_river_between(_self: Roads, points: Any, kind: str | None, within: float | None = None) -> Matrix:
        """Whoever crosses 9.52 drives long; from the far side of 9.6 there is no way."""
        asked.append(len(points))
        sides = np.array([point[1] > 9.52 for point in points])
        grid = np.where(sides[:, None] == sides[None, :], 600.0, 6000.0).astype(np.float32)
        grid[[point[1] > 9.6 for point in points]] = np.nan
        return Matrix(grid, grid, None)

    nearly_east = {"dropoff": dropoff(coordinates=at(9.521))}
    nearly_west = {"dropoff": dropoff(coordinates=at(9.519))}
    with monkeypatch.context() as patch:
        patch.setattr(Roads, "matrix", a_river_between)
        results = (await desk.place_many([nearly_east, nearly_west, nearly_east]))["results"]
    shown = [(await desk.order(one["order"]["id"], DEPOT))["depot"]["name"] for one in results]
    assert shown == ["east", "west", "east"]
    assert asked == [3 + 3], "one matrix of the three nearest depots and all doors"

    async def no_answer(*_: Any, **__: Any) -> Matrix:
        raise RoadsUnavailable("down")

    monkeypatch.setattr(Roads, "matrix", no_answer)
    assert await depot_of(desk, 9.521) == "east"
    assert await depot_of(desk, 9.519) == "west"


@pytest.mark.parametrize(
    "hours",
    [
        {"opens": "8:00", "closes": "12:00"},
        {"opens": "12:00", "closes": "08:00"},
        {"opens": "08:00", "closes": "24:30"},
        {"opens": "08:00", "closes": "12:00", "weekdays": []},
        {"opens": "08:00", "closes": "12:00", "weekdays": [0]},
    ],
)
async def test_hours_of_no_meaning_are_refused(desk: Desk, hours: dict[str, Any]) -> None:
    create = (
        "mutation($input: CreateDepotInput!) { createDepot(input: $input) { depot { id } problems { code path } } }"
    )
    given = {"name": "A", "address": ADDRESS, "coordinates": at(WEST), "openingHours": [hours]}
    before = await desk.written()
    payload = (await desk.data(create, input=given))["createDepot"]
    assert payload == {"depot": None, "problems": [{"code": "INVALID_VALUE", "path": ["openingHours", "0"]}]}
    assert await desk.written() == before

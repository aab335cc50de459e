"""What both kinds of network promise, on real engines: the town always, Liechtenstein where there is its extract."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import httpx
import numpy as np
import pytest

from doorstep.places import map_extract, town
from doorstep.places.errors import RoadsUnavailable
from doorstep.places.roads import Position, Profile, Roads, RoadsMode, Source, maps, polyline
from doorstep.places.roads.crowfly import CrowFly
from doorstep.places.roads.osrm import SOURCES_AT_A_TIME, Osrm

MID_ATLANTIC = (0.0, -30.0)


@pytest.fixture(params=["town", "liechtenstein"])
def roads(request: pytest.FixtureRequest) -> Roads:
    found: Roads = request.getfixturevalue(f"{request.param}_roads")
    return found


def addresses(roads: Roads, count: int) -> list[Position]:
    road_map = maps.current(roads.home)
    assert road_map is not None
    return _samples(road_map.path)[:count]


@cache
def _samples(extract: Path) -> list[Position]:
    return [(found.latitude, found.longitude) for found in map_extract.sample_addresses(extract, 500, seed=7)]


@pytest.mark.parametrize("kind", ["VAN", "BICYCLE"])
async def test_legs_are_exactly_the_matrix(roads: Roads, kind: str) -> None:
    points = addresses(roads, 60)
    matrix, route = await roads.matrix(points, kind), await roads.route(points, kind)
    assert len(route.legs) == len(points) - 1
    assert [leg.seconds for leg in route.legs] == pytest.approx(list(np.diagonal(matrix.durations, 1)), abs=0.05)
    # where two ways take equally long, a leg and its cell may describe one each, and these differ in length
    meters = np.array([leg.meters for leg in route.legs])
    assert (np.abs(meters - np.diagonal(matrix.distances, 1)) < 0.2).mean() > 0.9
    assert route.data_version == matrix.data_version == await roads.data_version(kind)


async def test_a_matrix_longer_than_one_request_has_the_same_answers(town_roads: Roads) -> None:
    points = addresses(town_roads, SOURCES_AT_A_TIME + 30)
    large = await town_roads.matrix(points, "CAR")
    assert large.durations.dtype == np.float32
    assert large.durations.shape == large.distances.shape == (len(points), len(points))
    assert not np.isnan(large.durations).any()
    small = await town_roads.matrix(points[-40:], "CAR")
    assert np.array_equal(large.durations[-40:, -40:], small.durations)


async def test_a_route_longer_than_one_request_has_every_leg(town_roads: Roads) -> None:
    points = addresses(town_roads, 230)
    matrix, route = await town_roads.matrix(points, "CAR"), await town_roads.route(points, "CAR")
    assert [leg.seconds for leg in route.legs] == pytest.approx(list(np.diagonal(matrix.durations, 1)), abs=0.05)


async def test_each_leg_draws_its_own_line(roads: Roads) -> None:
    points = addresses(roads, 12)
    route, snapped = await roads.route(points, "CAR"), await roads.snap(points, "CAR")
    for leg, start, end in zip(route.legs, snapped, snapped[1:], strict=False):
        line = polyline.decode(leg.polyline6)
        assert line[0] == pytest.approx((start.latitude, start.longitude), abs=2e-5)
        assert line[-1] == pytest.approx((end.latitude, end.longitude), abs=2e-5)


async def test_staying_where_one_is_costs_nothing(town_roads: Roads) -> None:
    [point] = addresses(town_roads, 1)
    route = await town_roads.route([point, point], "CAR")
    assert (route.meters, route.seconds) == (0, 0)
    assert (await town_roads.route([point], "CAR")).legs == ()
    assert (await town_roads.matrix([], "CAR")).durations.shape == (0, 0)


async def test_two_doors_on_one_spot_of_a_road_are_not_less_than_nothing_apart(liechtenstein_roads: Roads) -> None:
    """OSRM says -0.7 and -0.8 m for these, which no plan can work with."""
    doors = [
        (47.1364491, 9.5163986),
        (47.1362827, 9.5168379),
        (47.157105, 9.50735),
        (47.1571402, 9.5073612),
        (47.1572403, 9.5073612),
    ]
    for asked in (doors[:2], doors[2:4], doors):
        matrix = await liechtenstein_roads.matrix(asked, "VAN")
        assert matrix.distances.min() >= 0
        assert matrix.durations.min() >= 0
    for one, other in ((0, 1), (2, 4)):
        route = await liechtenstein_roads.route([doors[one], doors[other]], "VAN")
        assert route.legs[0].meters >= 0


async def test_a_position_far_from_any_road_spoils_only_itself(roads: Roads) -> None:
    points = addresses(roads, 8)
    clean = await roads.matrix(points, "CAR")
    spoilt = await roads.matrix([*points[:3], MID_ATLANTIC, *points[3:]], "CAR")
    kept = [0, 1, 2, 4, 5, 6, 7, 8]
    assert np.array_equal(spoilt.durations[np.ix_(kept, kept)], clean.durations)
    assert np.isnan(spoilt.durations[3]).all()
    assert np.isnan(spoilt.distances[:, 3]).all()


async def test_a_leg_without_a_way_is_straight_and_says_so(town_roads: Roads) -> None:
    points = addresses(town_roads, 3)
    route = await town_roads.route([points[0], points[1], MID_ATLANTIC, points[2]], "CAR")
    assert [leg.straight for leg in route.legs] == [False, True, True]


async def test_snapping_tells_how_far_away_the_road_is(roads: Roads) -> None:
    points = addresses(roads, 20)
    near = await roads.snap(points)
    assert all(found.distance_meters <= roads.max_snap_meters for found in near)
    [far] = await roads.snap([MID_ATLANTIC])
    assert far.distance_meters > 1_000_000


async def test_nothing_but_bad_positions_is_no_error(town_roads: Roads) -> None:
    matrix = await town_roads.matrix([MID_ATLANTIC, (1.0, -30.0)], "CAR")
    assert np.isnan(matrix.durations).all()


async def test_a_lorry_goes_round_the_low_bridge_and_a_van_does_not(town_roads: Roads) -> None:
    latitude = town.CENTER[0]
    banks = [(latitude - 0.0011, -57.9808), (latitude + 0.0003, -57.9808)]
    van, truck = [await town_roads.route(banks, kind) for kind in ("VAN", "TRUCK")]
    assert van.meters < 400
    assert truck.meters > 1_000


async def test_only_deliveries_pass_through_the_delivery_street(town_roads: Roads) -> None:
    ends = [(33.5055, -57.9930), (33.5055, -57.9890)]
    van, car = [await town_roads.route(ends, kind) for kind in ("VAN", "CAR")]
    assert van.meters < car.meters


async def test_walkers_take_the_footpath(town_roads: Roads) -> None:
    ends = [(33.5022, -57.9976), (33.5044, -57.9952)]
    on_foot, car = [await town_roads.route(ends, kind) for kind in ("ON_FOOT", "CAR")]
    assert on_foot.meters < car.meters


async def test_drones_fly_straight_over_every_map(town_roads: Roads) -> None:
    assert town_roads.source("DRONE") is Source.STRAIGHT_LINES
    drone = await town_roads.route(addresses(town_roads, 5), "DRONE")
    assert all(leg.straight for leg in drone.legs)


async def test_straight_lines_keep_the_same_promises() -> None:
    network, points = CrowFly(Profile.VAN), [(33.50, -58.0), (33.51, -57.99), (33.50, -58.0)]
    matrix, route = await network.matrix(points), await network.route(points)
    assert [leg.seconds for leg in route.legs] == pytest.approx([matrix.durations[0, 1], matrix.durations[1, 2]])
    assert matrix.distances[0, 1] > 1_440  # the straight line, which roads are longer than
    assert matrix.durations[0, 2] == 0


async def test_without_a_map_everything_is_straight(new_home: Callable[[], Path]) -> None:
    roads = Roads(new_home())
    assert roads.source("VAN") is Source.STRAIGHT_LINES
    assert "no map" in roads.status().explanation
    matrix = await roads.matrix([(33.50, -58.0), (33.51, -57.99)], "VAN")
    assert matrix.data_version == "straight-lines"
    await roads.close()


async def test_straight_lines_can_be_asked_for(town_home: Path) -> None:
    roads = Roads(town_home, mode=RoadsMode.STRAIGHT)
    assert not roads.capabilities("VAN").real_roads
    await roads.close()


Reply = Callable[[str, bytes], Awaitable[bytes]]


@asynccontextmanager
async def server(reply: Reply, requests_per_connection: int = 1_000_000) -> AsyncIterator[str]:
    """A small HTTP server that hangs up, without a word, after so many requests."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for _ in range(requests_per_connection):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((line for line in head.lower().splitlines() if line.startswith("content-length")), ": 0")
                body = await reader.readexactly(int(length.split(":")[1]))
                writer.write(await reply(head.split("\r\n")[0], body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def answer(status: int, body: bytes) -> bytes:
    return (
        f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
    )


@asynccontextmanager
async def behind(roads: Roads, *, post: bool, hang_up_after: int) -> AsyncIterator[tuple[Osrm, list[str]]]:
    """A stranger's server: the town's engine behind a proxy that may know no POST and hangs up now and then."""
    seen: list[str] = []
    await roads.warm_up(["CAR"])
    async with roads._network(Profile.CAR) as network, httpx.AsyncClient(timeout=20) as client:
        assert isinstance(network, Osrm)

        async def reply(first_line: str, body: bytes) -> bytes:
            method, path, _ = first_line.split(" ")
            seen.append(method)
            if method == "POST" and not post:
                return answer(400, b'{"code":"InvalidUrl","message":"URL string malformed"}')
            headers = {"content-type": "application/json"} if body else {}
            got = await client.request(method, network.base_url + path, content=body, headers=headers)
            return answer(got.status_code, got.content)

        async with server(reply, hang_up_after) as address:
            osrm = Osrm(address, Profile.CAR)
            yield osrm, seen
            await osrm.close()


async def test_servers_that_know_no_post_are_asked_in_short_gets(town_roads: Roads) -> None:
    points = [*addresses(town_roads, 119), MID_ATLANTIC]
    expected = await town_roads.matrix(points, "CAR")
    async with behind(town_roads, post=False, hang_up_after=1_000) as (osrm, seen):
        matrix, route = await osrm.matrix(points), await osrm.route(points[:110])
        snapped = await osrm.snap(points)
    # a GET writes positions with six decimals, half a tenth of a metre
    assert np.allclose(matrix.distances, expected.distances, atol=2, equal_nan=True)
    assert len(route.legs) == 109
    assert len(snapped) == 120
    assert seen.count("POST") == 1


async def test_a_dropped_connection_is_tried_once_more(town_roads: Roads) -> None:
    points = addresses(town_roads, 20)
    async with behind(town_roads, post=True, hang_up_after=1) as (osrm, seen):
        for start in range(0, 20, 4):
            assert not np.isnan((await osrm.matrix(points[start : start + 4])).durations).any()
    assert seen.count("POST") == 5


async def test_an_external_server_is_used_for_every_motor_vehicle(town_roads: Roads) -> None:
    async with town_roads._network(Profile.CAR) as network:
        assert isinstance(network, Osrm)
        roads = Roads(town_roads.home, external={"car": network.base_url})
        assert [roads.source(kind) for kind in ("VAN", "BICYCLE")] == [Source.EXTERNAL, Source.ENGINE]
        assert await roads.data_version("TRUCK") == await town_roads.data_version("CAR")
        await roads.close()


async def test_a_server_that_is_away_is_unavailable(town_home: Path) -> None:
    roads = Roads(town_home, external={"car": "http://127.0.0.1:9"})
    with pytest.raises(RoadsUnavailable):
        await roads.snap([(33.5, -58.0)])
    await roads.close()


async def test_a_server_that_is_slow_is_unavailable_in_time(town_home: Path) -> None:
    async def never(first_line: str, body: bytes) -> bytes:
        await asyncio.sleep(30)
        return answer(200, b"{}")

    async with server(never) as address:
        roads = Roads(town_home, external={"car": address})
        with pytest.raises(RoadsUnavailable, match=r"within 0\.2 seconds"):
            await roads.snap([(33.5, -58.0)], within=0.2)
        await roads.close()


async def test_a_server_that_is_no_osrm_is_unavailable(town_home: Path) -> None:
    async def welcome(first_line: str, body: bytes) -> bytes:
        return answer(200, b"<html>It works!</html>")

    async with server(welcome) as address:
        roads = Roads(town_home, external={"car": address})
        with pytest.raises(RoadsUnavailable, match="not OSRM"):
            await roads.matrix([(33.5, -58.0), (33.6, -58.0)], "CAR")
        await roads.close()

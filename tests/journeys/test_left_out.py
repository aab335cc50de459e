"""A dispatcher asks why two orders stayed out, does what the answer says, and plans again: both are on the road."""

import asyncio
import time
from datetime import timedelta
from typing import Any

from tests.journeys.outsider import Outsider
from tests.journeys.test_bad_day import ADDRESS, MORNING, mutation

from doorstep.identity.service import NewTenant, create_key, create_tenant, set_clock, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.kernel.time import Clock
from doorstep.server import Server

POINT = {"latitude": 47.14, "longitude": 9.52}
EXPLAIN = mutation(
    "explainUnassigned",
    "unassigned { order { reference } explanation vehicleKinds { kind shifts codes } relaxations { message share addedCostMinor search "
    "shift { id } vehicle { id name skills } changes { kind amount skills window { start end } } } }",
)
PLAN = "query ($id: ID!) { plan(id: $id) { status unassigned { nodes { order { id reference } relaxations { message } } } } }"


async def company(server: Server, system: Database, slug: str) -> Outsider:
    """A new company's program, at eight in the morning of its own clock."""
    await create_tenant(system, NewTenant(slug, slug.title(), "Europe/Vaduz", "LI"))
    tenant = await tenant_by_slug(system, slug)
    await set_clock(system, tenant, Clock(time.time(), MORNING.timestamp()))
    _, key = await create_key(system, tenant, "office", sorted(ALL_PERMISSIONS))
    return Outsider(server, key)


async def proposed(office: Outsider, plan_id: str) -> list[str]:
    """What the plan left out, once it is PROPOSED."""
    for _ in range(300):
        plan = (await office.ask(PLAN, id=plan_id))["plan"]
        if plan["status"] == "PROPOSED":
            return sorted(node["order"]["reference"] for node in plan["unassigned"]["nodes"])
        await asyncio.sleep(0.1)
    raise AssertionError("the plan was not proposed")


async def order(office: Outsider, depot: str, name: str, number: int, **more: Any) -> str:
    place = {"latitude": 47.141 + number / 500, "longitude": 9.521}
    windows = more.pop("windows", [])
    dropoff = {
        "address": {**ADDRESS, "line1": f"Städtle {number + 2}"}, "coordinates": place, "windows": windows,
    }  # fmt: skip
    made = await office.change(
        mutation("createOrder", "order { id }"), reference=name, depotId=depot, dropoff=dropoff, **more
    )
    identifier: str = made["order"]["id"]
    return identifier


async def test_what_stayed_out_finds_its_place_when_done_as_told(plain_server: Server, system: Database) -> None:
    stranger = await company(plain_server, system, "stranger")
    async with await company(plain_server, system, "shop") as office, stranger:
        made = await office.change(
            mutation("createDepot", "depot { id }"), name="Shop", address=ADDRESS, coordinates=POINT
        )
        depot = made["depot"]["id"]
        vehicle = (await office.change(mutation("createVehicle", "vehicle { id }"), name="Van 3", kind="VAN"))[
            "vehicle"
        ]["id"]
        driver = (await office.change(mutation("createDriver", "driver { id }"), name="Ada"))["driver"]["id"]
        shift = (
            await office.change(
                mutation("createShift", "shift { id }"), driverId=driver, vehicleId=vehicle, depotId=depot,
                start=(MORNING + timedelta(hours=1)).isoformat(), end=(MORNING + timedelta(hours=7)).isoformat(),
            )
        )["shift"]["id"]  # fmt: skip
        early = {
            "start": (MORNING + timedelta(minutes=10)).isoformat(),
            "end": (MORNING + timedelta(minutes=50)).isoformat(),
        }
        plain = [await order(office, depot, f"plain {number}", number) for number in range(2)]
        too_early = await order(office, depot, "early", 3, windows=[early])
        cold = await order(office, depot, "cold", 4, requiredSkills=["refrigerated"])
        what = {"orderIds": [*plain, too_early, cold], "shiftIds": [shift]}
        plan = (await office.change(mutation("createPlan", "plan { id }"), **what))["plan"]["id"]
        assert await proposed(office, plan) == ["cold", "early"]

        refusal = (await stranger.ask(EXPLAIN, input={"planId": plan, "orderIds": [cold]}))["explainUnassigned"]
        assert [(one["code"], one["path"]) for one in refusal["problems"]] == [("NOT_FOUND", ["planId"])]
        told = (await office.change(EXPLAIN, planId=plan, orderIds=[too_early, cold]))["unassigned"]
        assert [one["explanation"] for one in told] == ["FOUND", "FOUND"]
        assert [one["vehicleKinds"] for one in told] == [
            [{"kind": "VAN", "shifts": 1, "codes": ["WINDOW"]}], [{"kind": "VAN", "shifts": 1, "codes": ["SKILL"]}],
        ]  # fmt: skip
        later, skill = told[0]["relaxations"][0], told[1]["relaxations"][0]
        assert (later["search"], later["shift"]["id"], later["vehicle"]["name"]) == ("INSERTION", shift, "Van 3")
        minutes = later["changes"][0]["amount"] // 60
        assert later["message"] == f"{minutes} minutes after its delivery window with Ada on Van 3."
        assert skill["message"] == "Skill refrigerated with Ada on Van 3."

        await office.change(
            mutation("updateOrder", "order { id }"), id=too_early, dropoff={"windows": [later["changes"][0]["window"]]}
        )
        await office.change(
            mutation("updateVehicle", "vehicle { id }"), id=skill["vehicle"]["id"], skills=skill["changes"][0]["skills"]
        )
        await office.change(mutation("optimizePlan", "plan { id }"), planId=plan)
        assert await proposed(office, plan) == []
        committed = await office.change(mutation("commitPlan", "plan { status }"), planId=plan)
        assert committed["plan"]["status"] == "COMMITTED"

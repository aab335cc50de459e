"""A dispatcher's morning over HTTP: three ways side by side, two plans held against each other, hand moves shown before they are done, and a re-plan on the road."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.journeys.outsider import Outsider
from tests.journeys.test_bad_day import ADDRESS, Tour, eventually, mutation

from doorstep.identity.service import NewTenant, create_key, create_tenant, tenant_by_slug
from doorstep.kernel.db import Database
from doorstep.kernel.scope import ALL_PERMISSIONS
from doorstep.server import Server

SIMULATE = """
query ($input: SimulatePlanInput!) { simulatePlan(input: $input) { problems { code message }
  scenarios { name problems { code message } failureReason summary { orders unassigned costMinor emissionsGrams } baseline { costMinor }
    difference { costMinor orders emissionsGrams } unassigned { code orders } routes { shift { id } summary { orders } } } } }
"""
COMPARE = """
query ($id: ID!, $other: ID!) { plan(id: $id) { comparedWith(planId: $other) { difference { orders costMinor lateSeconds } counts { assigned moved retimed unassigned } }
  changesFrom(planId: $other, kinds: [ASSIGNED]) { totalCount nodes { order { reference } shiftAfter { driver { name } } } } } }
"""
PREVIEW = """
query ($change: RouteChangeInput!) { previewRouteChange(change: $change) { feasible problems { code message } faults { rule message }
  difference { costMinor drivingSeconds } changes { kind laterSeconds order { reference } }
  routes { version route { id } stops { kind arrival laterSeconds loadAfter { weightGrams items } orders { reference } } } } }
"""
REPLAN = """
query ($replan: ReplanInput!) { previewReplan(replan: $replan) { feasible problems { code message }
  difference { costMinor } changes { kind order { reference } } routes { version stops { kind arrival orders { reference } } } } }
"""
PLAN = "query ($id: ID!) { plan(id: $id) { status routes { nodes { id version stops { kind plannedArrival orders { reference } } } } } }"
SHOWN = "routes { id version status stops { kind status plannedArrival orders { reference } } }"
EUROPE = {"latitude": 47.14, "longitude": 9.52}


class Office:
    """A company with two vans, and nine parcels along one road."""

    def __init__(self, program: Outsider) -> None:
        self.program = program
        self.orders: dict[str, str] = {}
        self.shifts: list[str] = []

    async def open(self) -> None:
        change = self.program.change
        depot = await change(mutation("createDepot", "depot { id }"), name="Shop", address=ADDRESS, coordinates=EUROPE)
        start = datetime.now(UTC) - timedelta(minutes=5)
        for name in ("Ada", "Ben"):
            limits = {
                "capacity": {"weightGrams": 5000},
                "costs": {"fixedMinor": 2000, "perHourMinor": 3000, "perKilometerMinor": 50},
            }
            vehicle = await change(
                mutation("createVehicle", "vehicle { id }"), name=name, kind="VAN", depotId=depot["depot"]["id"],
                emissionsGramsPerKilometer=180, **limits,
            )  # fmt: skip
            driver = await change(mutation("createDriver", "driver { id }"), name=name)
            shift = await change(
                mutation("createShift", "shift { id }"), driverId=driver["driver"]["id"], vehicleId=vehicle["vehicle"]["id"],
                depotId=depot["depot"]["id"], start=start.isoformat(), end=(start + timedelta(hours=8)).isoformat(),
            )  # fmt: skip
            self.shifts.append(shift["shift"]["id"])
        for number in range(9):
            made = await change(
                mutation("createOrder", "order { id }"), reference=f"p{number}", depotId=depot["depot"]["id"], packages=[{"load": {"weightGrams": 2000 if number == 8 else 1000}}],
                dropoff={
                    "address": {**ADDRESS, "line1": f"Städtle {number + 2}"},
                    "coordinates": {"latitude": 47.142 + number / 300, "longitude": 9.521},
                },
            )  # fmt: skip
            self.orders[f"p{number}"] = made["order"]["id"]

    async def planned(self, orders: list[str], shifts: list[str]) -> str:
        """A plan that the worker has optimized."""
        made = await self.program.change(mutation("createPlan", "plan { id }"), orderIds=orders, shiftIds=shifts)
        plan_id: str = made["plan"]["id"]

        async def proposed() -> bool:
            return bool((await self.program.ask(PLAN, id=plan_id))["plan"]["status"] == "PROPOSED")

        await eventually(proposed, "the plan is proposed")
        return plan_id

    async def preview(self, **change: Any) -> Any:
        shown = (await self.program.ask(PREVIEW, change=change))["previewRouteChange"]
        assert shown["problems"] == []
        return shown


def doors(stops: list[dict[str, Any]], name: str) -> list[tuple[str, Any]]:
    return [(stop["orders"][0]["reference"], stop[name]) for stop in stops if stop["kind"] == "DROPOFF"]


async def test_a_dispatchers_morning(plain_server: Server, system: Database) -> None:
    await create_tenant(system, NewTenant("shop", "The Shop", "Europe/Vaduz", "LI"))
    tenant = await tenant_by_slug(system, "shop")
    _, key = await create_key(system, tenant, "office", sorted(ALL_PERMISSIONS))
    async with Outsider(plain_server, key) as program:
        office = Office(program)
        await office.open()
        eight = [office.orders[f"p{number}"] for number in range(8)]

        asked = {"orderIds": eight, "scenarios": [
            {"name": "Ada alone", "shiftIds": office.shifts[:1]},
            {"name": "Both", "shiftIds": office.shifts},
            {"name": "Short ways", "shiftIds": office.shifts, "objective": "DISTANCE"},
        ]}  # fmt: skip
        simulation = (await program.ask(SIMULATE, input=asked))["simulatePlan"]
        alone, both, short = simulation["scenarios"]
        assert [one["summary"]["unassigned"] for one in (alone, both, short)] == [3, 0, 0]
        assert alone["unassigned"] == [{"code": "NO_ROOM", "orders": 3}]
        assert both["difference"]["orders"] == 3
        assert int(both["difference"]["emissionsGrams"]) > 0

        narrow, wide = await office.planned(eight, office.shifts[:1]), await office.planned(eight, office.shifts)
        compared = (await program.ask(COMPARE, id=wide, other=narrow))["plan"]
        assert compared["comparedWith"]["counts"]["assigned"] == compared["changesFrom"]["totalCount"] == 3
        assert compared["comparedWith"]["difference"]["costMinor"] == both["difference"]["costMinor"]

        await program.change(mutation("commitPlan", "plan { status }"), planId=wide)
        await program.change(mutation("dispatchPlan", "routes { id }"), planId=wide)
        routes = (await program.ask(PLAN, id=wide))["plan"]["routes"]["nodes"]
        one, other = sorted(routes, key=lambda route: len(route["stops"]))
        move = {"orderId": office.orders[doors(other["stops"], "kind")[0][0]], "toRouteId": one["id"], "position": 0}
        shown = await office.preview(move=move)
        assert shown["feasible"], shown["faults"]
        versions = {forecast["route"]["id"]: forecast["version"] for forecast in shown["routes"]}
        wanted = {"move": {**move, "ifVersion": versions[other["id"]], "toIfVersion": versions[one["id"]]}}
        changed = await program.change(mutation("changeRoute", SHOWN), change=wanted)
        forecast = {
            forecast["route"]["id"]: [name for name, _ in doors(forecast["stops"], "kind")]
            for forecast in shown["routes"]
        }
        now = {
            route["id"]: [
                name for name, _ in doors([stop for stop in route["stops"] if stop["status"] != "CANCELLED"], "kind")
            ]
            for route in changed["routes"]
        }
        assert now == forecast
        stale = (await program.ask(mutation("changeRoute", SHOWN), input={"change": wanted}))["changeRoute"]
        assert {problem["code"] for problem in stale["problems"]} == {"CONFLICT"}

        full = max(now, key=lambda route_id: len(now[route_id]))
        shown = await office.preview(insert={"orderId": office.orders["p8"], "routeId": full})
        assert (shown["feasible"], [fault["rule"] for fault in shown["faults"]]) == (False, ["CAPACITY"])

        tour = Tour(program, {"id": full})
        await tour.act("DEPOT_START", "COMPLETE")
        first = now[full][0]
        await tour.act(first, "DEPART", "ARRIVE", "COMPLETE")
        replan = {"routes": [{"routeId": full}], "etaPriceMinorPerMinute": 0}
        shown = (await program.ask(REPLAN, replan=replan))["previewReplan"]
        assert shown["feasible"]
        assert first not in [name for name, _ in doors(shown["routes"][0]["stops"], "kind")], (
            "what is done stays out of it"
        )
        replan["routes"][0]["ifVersion"] = shown["routes"][0]["version"]  # type: ignore[index]
        done = await program.change(mutation("replanRoutes", SHOWN), replan=replan)
        left = [stop for stop in done["routes"][0]["stops"] if stop["status"] == "PENDING"]
        assert [name for name, _ in doors(left, "kind")] == [
            name for name, _ in doors(shown["routes"][0]["stops"], "kind")
        ]

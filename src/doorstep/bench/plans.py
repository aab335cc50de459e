"""Time to plan: from the ``createPlan`` that is sent to the PROPOSED plan that a subscriber hears of, roads, solver, paths and writing included."""

import statistics
import time
from typing import Any

from doorstep.bench import world
from doorstep.bench.documents import PLAN
from doorstep.bench.figures import Details, Figure, Taking
from doorstep.bench.intake import create_many
from doorstep.bench.stage import Company, Stage
from doorstep.demo import documents as demo_documents
from doorstep.demo.client import RefusedByApi

MOST_IN_ONE_CALL = 1000


class Day:
    """A company's orders and shifts, to be planned again and again; nothing is committed until ``commit``."""

    def __init__(self, company: Company, order_ids: list[str], shift_ids: list[str]) -> None:
        self.company = company
        self.roads_seconds = 0.0
        """How long the last plan took until the solver was asked: reading, and the matrix."""
        self._order_ids = order_ids
        self._shift_ids = shift_ids
        self._plan_id = ""

    @classmethod
    async def open(cls, stage: Stage, orders: int) -> "Day":
        """A new tenant with so many orders and enough shifts for them."""
        company = await stage.company(f"plan-{orders}")
        shifts = [await _shift(stage, company, number) for number in range(1, world.vehicles_for(orders) + 1)]
        if stage.options.demanding:
            company.orders = world.demanding(company.orders)
        order_ids: list[str] = []
        while (left := orders - len(order_ids)) > 0:
            order_ids += await create_many(company, min(left, MOST_IN_ONE_CALL))
        return cls(company, order_ids, shifts)

    async def plan(self) -> dict[str, Any]:
        """Make a plan and wait until it is PROPOSED; raises RefusedByApi when it is not."""
        api = self.company.api
        started = time.perf_counter()
        self.roads_seconds = 0.0
        named = len(self._order_ids) <= MOST_IN_ONE_CALL
        which: dict[str, Any] = {"orderIds": self._order_ids} if named else {"orderFilter": {"statuses": ["PENDING"]}}
        made = await api.do(demo_documents.CREATE_PLAN, **which, shiftIds=self._shift_ids)
        self._plan_id = made["plan"]["id"]
        async for told in api.watch(demo_documents.PLAN_PROGRESS, id=self._plan_id):
            if not self.roads_seconds and told["planProgress"]["phase"] not in {"QUEUED", "ROADS"}:
                self.roads_seconds = time.perf_counter() - started
        plan: dict[str, Any] = (await api.ask(PLAN, id=self._plan_id))["plan"]
        if plan["status"] != "PROPOSED":
            raise RefusedByApi(f"The plan is {plan['status']}: {plan['failureReason']}")
        return plan

    async def commit(self) -> None:
        """Commit the plan that was made last."""
        await self.company.api.do(demo_documents.COMMIT_PLAN, planId=self._plan_id)


async def _shift(stage: Stage, company: Company, number: int) -> str:
    api, depot = company.api, company.depot_id
    vehicle = (await api.do(demo_documents.CREATE_VEHICLE, **world.vehicle_input(number, depot)))["vehicle"]["id"]
    told = {"name": f"Driver {number}", "skills": world.skills_of(number) if stage.options.demanding else []}
    driver = (await api.do(demo_documents.CREATE_DRIVER, **told))["driver"]["id"]
    breaks = world.breaks(stage.midnight) if stage.options.demanding else []
    times = world.shift_input(driver, vehicle, depot, stage.midnight)
    shift = await api.do(demo_documents.CREATE_SHIFT, **times, breaks=breaks)
    shift_id: str = shift["shift"]["id"]
    return shift_id


async def planning(stage: Stage, day: Day, orders: int) -> Figure:
    """Seconds to plan the day's orders; the last plan is committed afterwards."""
    taking = Taking()
    seconds: list[float] = []
    before_solver: list[float] = []
    before = await stage.server.cpu()
    plan: dict[str, Any] = {}
    for _ in range(stage.options.plan_rounds):
        started = time.perf_counter()
        plan = await day.plan()
        seconds.append(time.perf_counter() - started)
        before_solver.append(day.roads_seconds)
    used = await stage.server.cpu() - before
    started = time.perf_counter()
    await day.commit()
    peak = await stage.server.memory()
    summary = plan["summary"]
    details: Details = {
        "routes": summary["routes"],
        "unassigned": summary["unassigned"],
        "kilometers": summary["distanceMeters"] / 1000,
        "roads": plan["network"],
        "solver_cpu_seconds": used.children / len(seconds),
        "server_cpu_seconds": used.server / len(seconds),
        "commit_seconds": time.perf_counter() - started,
        "matrix_and_reading_seconds": statistics.median(before_solver),
        "server_peak_mib": peak.server,
        "largest_solver_peak_mib": peak.largest_child,
    }
    return taking.figure(f"plan_{orders}", f"Time to plan {orders:,} orders", "s", seconds, details)

"""What a plan is to have little of, and how late it may be: checked when it is created, stored with it, read by its job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from doorstep.fleets.reads import PlanningShift, PlanningVehicle
from doorstep.kernel.errors import DoorstepError, ProblemCode
from doorstep.kernel.ids import public_id
from doorstep.planning.model import PlanObjective
from doorstep.planning.solver.estimate import Lateness, Objective
from doorstep.planning.solver.problem import MAX_COST

_UNKNOWN: Final = "updateVehicle with its emissionsGramsPerKilometer (from its papers), or choose another objective."


@dataclass(frozen=True, slots=True)
class LatenessAllowance:
    """How late after a promised window service may begin, and what each hour of it weighs in minor units; as asked for."""

    max_seconds: int
    price_per_hour_minor: int


def aim_faults(
    objective: PlanObjective,
    lateness: LatenessAllowance | None,
    shifts: Sequence[PlanningShift],
    shift_ids: Sequence[UUID] | None,
) -> list[DoorstepError]:
    """Why the plan cannot aim at this with these shifts (``shift_ids``: as they were named, None: found by day)."""
    faults: list[DoorstepError] = []
    if objective is PlanObjective.ON_TIME and lateness is None:
        message = "Without lateness every window holds, so every plan is on time: say how late an order may be."
        faults.append(DoorstepError(ProblemCode.REQUIRED, message, ["lateness"]))
    if lateness is not None:
        faults += _lateness_faults(lateness, shifts)
    if objective is PlanObjective.EMISSIONS:
        faults += _emission_faults(shifts, shift_ids)
    return faults


def _lateness_faults(lateness: LatenessAllowance, shifts: Sequence[PlanningShift]) -> list[DoorstepError]:
    faults: list[DoorstepError] = []
    longest = max((int((shift.ends_at - shift.starts_at).total_seconds()) for shift in shifts), default=None)
    if lateness.max_seconds < 1 or (longest is not None and lateness.max_seconds > longest):
        most = "the longest shift of the plan" if longest is None else f"{longest}, which is the plan's longest shift"
        message = f"maxSeconds is 1 to {most}."
        faults.append(DoorstepError(ProblemCode.INVALID_VALUE, message, ["lateness", "maxSeconds"]))
    if not 0 <= lateness.price_per_hour_minor <= MAX_COST:
        message = f"pricePerHourMinor is 0 to {MAX_COST}."
        faults.append(DoorstepError(ProblemCode.INVALID_VALUE, message, ["lateness", "pricePerHourMinor"]))
    return faults


def _emission_faults(shifts: Sequence[PlanningShift], shift_ids: Sequence[UUID] | None) -> list[DoorstepError]:
    unknown = {vehicle.id: vehicle for vehicle in map(_unknown_of, shifts) if vehicle is not None}
    first = {shift.vehicle_id: shift.id for shift in reversed(shifts)}
    places = {shift_id: at for at, shift_id in enumerate(dict.fromkeys(shift_ids or ()))}
    faults = []
    for vehicle_id in unknown:
        shift_id = first[vehicle_id]
        path: list[str | int] = ["shiftIds", places[shift_id]] if shift_id in places else ["date"]
        name = public_id("vehicle", vehicle_id)
        message = f"Nobody has said what vehicle {name} emits: {_UNKNOWN}"
        faults.append(DoorstepError(ProblemCode.EMISSIONS_UNKNOWN, message, path, existing_id=name))
    return faults


def _unknown_of(shift: PlanningShift) -> PlanningVehicle | None:
    vehicle = shift.vehicle
    return vehicle if vehicle is not None and vehicle.emissions_grams_per_kilometer is None else None


def unknown_emissions(objective: Objective, shifts: Sequence[PlanningShift]) -> str | None:
    """Why a plan that was created can no longer be optimized: a vehicle's emissions were taken away; None when it can."""
    unknown = next(filter(None, map(_unknown_of, shifts)), None) if objective is Objective.EMISSIONS else None
    return (
        None
        if unknown is None
        else f"Nobody says any more what vehicle {public_id('vehicle', unknown.id)} emits: {_UNKNOWN}"
    )


def aim_json(objective: PlanObjective, lateness: LatenessAllowance | None) -> dict[str, Any]:
    """The stored form, part of a plan's options."""
    stored: dict[str, Any] = {"objective": objective.value}
    if lateness is not None:
        stored["lateness"] = {
            "max_seconds": lateness.max_seconds,
            "price_per_hour_minor": lateness.price_per_hour_minor,
        }
    return stored


def lateness_of(options: Mapping[str, Any]) -> LatenessAllowance | None:
    """The allowance in a plan's options."""
    return LatenessAllowance(**options["lateness"]) if "lateness" in options else None


def solver_aim(objective: PlanObjective, allowed: LatenessAllowance | None) -> tuple[Objective, Lateness | None]:
    """Both as the solver knows them."""
    lateness = None if allowed is None else Lateness(allowed.max_seconds, allowed.price_per_hour_minor)
    return Objective(objective), lateness


def solver_aim_of(options: Mapping[str, Any]) -> tuple[Objective, Lateness | None]:
    """A plan's options as the solver knows them."""
    return solver_aim(PlanObjective(options.get("objective", PlanObjective.COST)), lateness_of(options))

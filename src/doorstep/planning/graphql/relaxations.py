"""What would have to give so that an order which a plan left out finds a place, as the schema shows it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from doorstep.fleets.graphql import Driver, Shift, Vehicle, load_drivers, load_shifts, load_vehicles
from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.scalars import Long
from doorstep.kernel.graphql.values import TimeWindow
from doorstep.kernel.scope import Permission
from doorstep.planning.model import RelaxationKind, RelaxationSearch


@strawberry.type(description="One rule that would have to give.")
class RelaxationChange:
    kind: RelaxationKind = strawberry.field(description="Which rule.")
    amount: Long = strawberry.field(description="By how much, in the unit that `kind` names.")
    share: float = strawberry.field(
        description="The same as a share of what is there; 1 for a skill, a compartment, a kind, a depot, a pin."
    )
    window: TimeWindow | None = strawberry.field(description="The window as it would be; null for all but windows.")
    instead_of: TimeWindow | None = strawberry.field(description="The window that it would take the place of.")
    skills: list[str] = strawberry.field(description="The skills that are missing; empty for all but SKILL.")
    compartment: str | None = strawberry.field(
        description="The compartment that is missing (COMPARTMENT) or too small (WEIGHT, VOLUME, ITEMS); null: the whole vehicle."
    )
    message: str = strawberry.field(description="The same for people.")


@strawberry.type(description="A change that would place an order: checked against every rule, and just large enough.")
class Relaxation:
    stored: strawberry.Private[dict[str, Any]]

    @strawberry.field(description="What has to give; empty when the order fits as it is, beside what was planned.")
    def changes(self) -> list[RelaxationChange]:
        return [_change(one) for one in self.stored["changes"]]

    @strawberry.field(
        description="How much it asks for: the shares of its changes together, by which the smallest is chosen."
    )
    def share(self) -> float:
        return float(self.stored["share"])

    @strawberry.field(description="How it was found.")
    def search(self) -> RelaxationSearch:
        return RelaxationSearch(self.stored["search"])

    @strawberry.field(
        description="What the routes concerned then cost more, in minor units of the tenant's currency; below 0 when they cost less."
    )
    def added_cost_minor(self) -> Long:
        return Long(self.stored["added_cost_minor"])

    @strawberry.field(description="When the order would be served at its dropoff.")
    def arrives_at(self) -> datetime:
        return datetime.fromisoformat(self.stored["arrives_at"])

    @strawberry.field(description="The shift that would take it; null without the scope `fleets:read`.")
    async def shift(self, info: Info) -> Shift | None:
        return await _shift(info, self.stored)

    @strawberry.field(description="The vehicle that would take it; null without the scope `fleets:read`.")
    async def vehicle(self, info: Info) -> Vehicle | None:
        shift = await _shift(info, self.stored)
        if shift is None or shift.vehicle_uuid is None:
            return None
        return await info.context.load(load_vehicles, shift.vehicle_uuid)

    @strawberry.field(
        description="The whole in one sentence, with the names of driver and vehicle where the scope `fleets:read` shows them."
    )
    async def message(self, info: Info) -> str:
        who = await _who(info, self.stored)
        parts = [_SAID[RelaxationKind(one["kind"])](one) for one in self.stored["changes"]]
        if not parts:
            return f"It fits as it is{who}: optimize the plan again, or assign it there."
        return f"{_joined(parts)}{who}."


async def _shift(info: Info, stored: dict[str, Any]) -> Shift | None:
    if not info.context.principal.allows(Permission.FLEETS_READ):
        return None
    return await info.context.load(load_shifts, UUID(stored["shift_id"]))


async def _who(info: Info, stored: dict[str, Any]) -> str:
    shift = await _shift(info, stored)
    if shift is None:
        return ""
    driver: Driver | None = await info.context.load(load_drivers, shift.driver_uuid)
    vehicle = await info.context.load(load_vehicles, shift.vehicle_uuid) if shift.vehicle_uuid else None
    return " with " + " on ".join(one.name for one in (driver, vehicle) if one is not None)


def _change(stored: dict[str, Any]) -> RelaxationChange:
    kind = RelaxationKind(stored["kind"])
    return RelaxationChange(
        kind=kind,
        amount=Long(stored["amount"]),
        share=float(stored["share"]),
        window=_window_of(stored["window"]),
        instead_of=_window_of(stored["instead_of"]),
        skills=list(stored["skills"]),
        compartment=stored.get("compartment"),
        message=f"{_SAID[kind](stored)}.",
    )


def _window_of(stored: dict[str, str] | None) -> TimeWindow | None:
    if stored is None:
        return None
    return TimeWindow(start=datetime.fromisoformat(stored["start"]), end=datetime.fromisoformat(stored["end"]))


# ── in words ────────────────────────────────────────────────────────────────────────────────────────────


def _joined(parts: list[str]) -> str:
    first, *others = parts
    words = [first, *(one[0].lower() + one[1:] for one in others)]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _counted(amount: int, word: str) -> str:
    return f"{amount:,} {word}" if amount == 1 else f"{amount:,} {word}s"


def _time(seconds: int) -> str:
    hours, minutes = divmod(seconds // 60, 60)
    parts = [_counted(count, word) for count, word in ((hours, "hour"), (minutes, "minute")) if count]
    return " ".join(parts)


def _short(amount: int, factor: int, large: str, small: str) -> str:
    return f"{amount / factor:,g} {large}" if amount >= factor else f"{amount} {small}"


def _window(end: str) -> Callable[[dict[str, Any]], str]:
    def said(one: dict[str, Any]) -> str:
        return f"{_time(one['amount'])} {'before' if one['earlier'] else 'after'} its {end} window"

    return said


def _inside(one: dict[str, Any]) -> str:
    return f" in its compartment {one['compartment']}" if one.get("compartment") else ""


_SAID: dict[RelaxationKind, Callable[[dict[str, Any]], str]] = {
    RelaxationKind.WINDOW: _window("delivery"),
    RelaxationKind.PICKUP_WINDOW: _window("pickup"),
    RelaxationKind.WEIGHT: lambda one: f"A vehicle with {_short(one['amount'], 1000, 'kg', 'g')} more{_inside(one)}",
    RelaxationKind.VOLUME: lambda one: (
        f"A vehicle with {_short(one['amount'], 1000, 'litres', 'cm³')} more{_inside(one)}"
    ),
    RelaxationKind.ITEMS: lambda one: f"A vehicle with room for {_counted(one['amount'], 'item')} more{_inside(one)}",
    RelaxationKind.COMPARTMENT: lambda one: f"A vehicle with the compartment {one['compartment']}",
    RelaxationKind.SKILL: lambda one: f"{'Skill' if one['amount'] == 1 else 'Skills'} {', '.join(one['skills'])}",
    RelaxationKind.VEHICLE_KIND: lambda _: "Leave to go by this kind of vehicle",
    RelaxationKind.DEPOT: lambda _: "Loading at this shift's depot",
    RelaxationKind.PIN: lambda _: "Without the pin to its shift",
    RelaxationKind.SHIFT: lambda one: f"A shift that ends {_time(one['amount'])} later",
    RelaxationKind.STOPS: lambda one: f"{_counted(one['amount'], 'stop')} more in the shift",
    RelaxationKind.DISTANCE: lambda one: f"{_short(one['amount'], 1000, 'km', 'm')} more range",
    RelaxationKind.DRIVING: lambda one: f"{_time(one['amount'])} more at the wheel",
}

"""``usage``: what a tenant used by day, and how much it may."""

import datetime
from typing import Annotated

import strawberry

from doorstep.identity.service.usage import MOST_DAYS, quotas_of, usage_between
from doorstep.kernel.errors import BadUserInput
from doorstep.kernel.graphql.context import Info
from doorstep.kernel.graphql.scalars import Long


@strawberry.type(description="What was used on one civil day of the tenant's time zone.")
class UsageDay:
    date: datetime.date = strawberry.field(
        description="The day, by the wall clock also where the tenant's clock runs faster."
    )
    orders: int = strawberry.field(description="Orders created.")
    solver_seconds: float = strawberry.field(description="Processor time of the solver, in seconds.")
    points: Long = strawberry.field(
        description="What the operations came to (`extensions.cost.actual`); counted within 10 seconds."
    )
    storage_bytes: Long | None = strawberry.field(
        description="What all rows took, in bytes, as last measured on that day; null when it was not measured."
    )


@strawberry.type(description="Limits that the operator set; null: there is none.")
class Quotas:
    orders_per_day: Long | None = strawberry.field(description="Orders that may be created on one civil day.")
    solver_seconds_per_day: Long | None = strawberry.field(
        description="Seconds of solver time on one civil day; a plan that is under way may go over."
    )
    sockets: int | None = strawberry.field(description="Sockets open at the same time at one server process.")
    storage_bytes: Long | None = strawberry.field(
        description="Bytes that all rows may take before new orders are refused; measured once an hour."
    )


@strawberry.type(description="What a tenant used, and how much it may use.")
class Usage:
    days: list[UsageDay] = strawberry.field(
        description="One entry for each day asked for, in order, zero where nothing was used."
    )
    quotas: Quotas = strawberry.field(description="The limits in force now.")


@strawberry.type
class UsageQuery:
    @strawberry.field(description="What the tenant used by day, and its quotas.")
    async def usage(
        self,
        info: Info,
        from_: Annotated[datetime.date, strawberry.argument(name="from", description="The first day.")],
        to: Annotated[
            datetime.date, strawberry.argument(description=f"The last day, at most {MOST_DAYS} days in all.")
        ],
    ) -> Usage | None:
        if not 0 <= (to - from_).days < MOST_DAYS:
            raise BadUserInput(f"`to` must not be before `from`, and one question is about at most {MOST_DAYS} days.")
        tx = await info.context.reads()
        row = await tx.fetchrow("SELECT * FROM tenants WHERE id = $1", info.context.tenant_id)
        if row is None:
            return None
        quotas = quotas_of(row)
        return Usage(
            days=[
                UsageDay(
                    date=one.day,
                    orders=one.orders,
                    solver_seconds=round(one.solver_seconds, 3),
                    points=Long(one.points),
                    storage_bytes=None if one.storage_bytes is None else Long(one.storage_bytes),
                )
                for one in await usage_between(tx, info.context.tenant_id, from_, to)
            ],
            quotas=Quotas(
                orders_per_day=_long(quotas.orders_per_day),
                solver_seconds_per_day=_long(quotas.solver_seconds_per_day),
                sockets=quotas.sockets,
                storage_bytes=_long(quotas.storage_bytes),
            ),
        )


def _long(value: int | None) -> Long | None:
    return None if value is None else Long(value)

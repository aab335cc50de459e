"""What tenants use, by civil day, and the quotas that hold them to it.

A day is the tenant's civil day by its time zone and this process's wall clock, never by the sped-up clock of a demo. There is one row per
tenant and day. Whoever adds to it locks it, so it is added to in the transaction's last statement, which takes the tenant's event counter anyway.
Quotas are columns of the tenant, set by the operator; null: no limit.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from doorstep.identity.errors import QuotaExceeded
from doorstep.identity.service.authenticating import SUSPENDED
from doorstep.kernel.db import Database, Row, Transaction
from doorstep.kernel.errors import Forbidden
from doorstep.kernel.scope import Beside, Principal, Scope

MOST_DAYS = 400
"""How many days one question may be about."""


@dataclass(frozen=True, slots=True)
class Spend:
    """Something used: ``solver_seconds`` are seconds of processor time of the solver's own processes."""

    orders: int = 0
    solver_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Quotas:
    """A tenant's limits; None: none. ``sockets`` are those open at the same time at one server process."""

    orders_per_day: int | None = None
    solver_seconds_per_day: int | None = None
    sockets: int | None = None
    storage_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class UsageDay:
    """One civil day; ``storage_bytes`` is the last measurement of that day, None when there was none."""

    day: date
    orders: int
    solver_seconds: float
    points: int
    storage_bytes: int | None


def quotas_of(tenant: Row) -> Quotas:
    """The quotas of a row of ``tenants``."""
    return Quotas(
        tenant["quota_orders_per_day"],
        tenant["quota_solver_seconds_per_day"],
        tenant["quota_sockets"],
        tenant["quota_storage_bytes"],
    )


_ADD = """
spent AS (
  INSERT INTO usage_days AS today (tenant_id, day, orders, solver_seconds) VALUES ($1, {0}, {1}, {2})
  ON CONFLICT (tenant_id, day) DO UPDATE SET orders = today.orders + {1}, solver_seconds = today.solver_seconds + {2}
  RETURNING orders
), beside AS (
SELECT spent.orders, tenant.quota_orders_per_day, tenant.quota_storage_bytes,
  CASE WHEN tenant.quota_storage_bytes IS NOT NULL THEN (
    SELECT storage_bytes FROM usage_days WHERE tenant_id = $1 AND storage_bytes IS NOT NULL ORDER BY day DESC LIMIT 1
  ) END AS storage_bytes
FROM spent, tenants AS tenant WHERE tenant.id = $1 AND tenant.status = 'ACTIVE'
)
"""
"""No row for a tenant that is suspended or gone: who was let in a moment before is stopped here, too."""


def count_orders(scope: Scope, number: int, path: tuple[str, ...] = ()) -> None:
    """Count new orders when ``scope`` commits, or undo all of it with QUOTA_EXCEEDED at ``path``."""
    if number:
        add(scope, Spend(orders=number), lambda row: _check_orders(scope.principal, row, number, path))


async def spend_solver_seconds(db: Database, principal: Principal, seconds: float) -> None:
    """Add what a solve took, in a transaction of its own: it was used whatever comes of the plan."""
    if seconds > 0:
        async with db.write(principal) as scope:
            add(scope, Spend(solver_seconds=seconds))


def add(scope: Scope, spend: Spend, check: Callable[[Row], None] | None = None) -> None:
    """Add to the tenant's day when ``scope`` commits. ``check`` sees the day's orders and the quotas, and may refuse."""

    def checked(row: Row | None) -> None:
        if row is None:
            raise Forbidden(SUSPENDED)
        if check is not None:
            check(row)

    scope.at_the_end(Beside(_ADD, (today(scope.principal), spend.orders, spend.solver_seconds), checked))


def _check_orders(principal: Principal, row: Row, number: int, path: tuple[str, ...]) -> None:
    most, most_bytes = row["quota_orders_per_day"], row["quota_storage_bytes"]
    if most is not None and row["orders"] > most:
        left = max(0, most - (row["orders"] - number))
        raise QuotaExceeded(
            f"This company may create {most:,} orders a day; {left:,} are left. {_begins_anew(principal)}", path
        )
    if most_bytes is not None and (row["storage_bytes"] or 0) > most_bytes:
        raise QuotaExceeded(
            f"This company may store {most_bytes:,} bytes and holds about {row['storage_bytes']:,}, measured once an hour: "
            "new orders have to wait until it holds less, or the operator allows more.",
            path,
        )


async def check_solver_seconds(tx: Transaction, principal: Principal) -> None:
    """Pass while the tenant has solver seconds left today; what is under way may go over. Raises QUOTA_EXCEEDED."""
    row = await tx.fetchrow(
        "SELECT tenant.quota_solver_seconds_per_day AS most, coalesce(today.solver_seconds, 0) AS used FROM tenants AS tenant "
        "LEFT JOIN usage_days AS today ON today.tenant_id = tenant.id AND today.day = $2 WHERE tenant.id = $1",
        principal.tenant_id,
        today(principal),
    )
    if row is not None and row["most"] is not None and row["used"] >= row["most"]:
        raise QuotaExceeded(
            f"This company may use {row['most']:,} seconds of solver time a day and has used {row['used']:,.0f}. {_begins_anew(principal)}"
        )


async def usage_between(tx: Transaction, tenant_id: UUID, first: date, last: date) -> list[UsageDay]:
    """Every day from ``first`` to ``last`` (both counted), in order; a day without any use is all zero."""
    rows = await tx.fetch(
        "SELECT day, orders, solver_seconds, points, storage_bytes FROM usage_days WHERE tenant_id = $1 AND day BETWEEN $2 AND $3",
        tenant_id,
        first,
        last,
    )
    known = {row["day"]: UsageDay(**row) for row in rows}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [known.get(day) or UsageDay(day, 0, 0.0, 0, None) for day in days]


async def usage_of_all(system: Database, first: date, last: date, tenant_id: UUID | None = None) -> list[Row]:
    """Days with any use, of all tenants or one, by slug and day; for the operator."""
    async with system.transaction() as tx:
        rows: list[Row] = await tx.fetch(
            "SELECT tenant.slug, tenant.id, used.day, used.orders, used.solver_seconds, used.points, used.storage_bytes "
            "FROM usage_days AS used JOIN tenants AS tenant ON tenant.id = used.tenant_id "
            "WHERE used.day BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR tenant.id = $3) ORDER BY tenant.slug, used.day",
            first,
            last,
            tenant_id,
        )
        return rows


def today(principal: Principal) -> date:
    """The tenant's civil day now, by the wall clock."""
    return datetime.now(ZoneInfo(principal.time_zone)).date()


def _begins_anew(principal: Principal) -> str:
    zone = ZoneInfo(principal.time_zone)
    midnight = datetime.combine(today(principal) + timedelta(days=1), time(), zone)
    return f"The next day begins at {midnight.isoformat(timespec='minutes')} ({principal.time_zone})."

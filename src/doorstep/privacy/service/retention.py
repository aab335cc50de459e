"""How long a tenant keeps what."""

from typing import Any

from doorstep.kernel.errors import Conflict, DoorstepError, ProblemCode, Refusals
from doorstep.kernel.scope import Permission, Scope
from doorstep.privacy.events import RetentionChanged
from doorstep.privacy.model import RETENTIONS

Retentions = dict[str, int | None]
"""New values by the names of ``RETENTIONS``; what is absent stays as it is, None keeps for good."""

_LOCK = """
INSERT INTO retention_settings AS held (tenant_id, version) VALUES ($1, 0)
ON CONFLICT (tenant_id) DO UPDATE SET version = held.version
RETURNING version, positions_days, personal_data_days, events_months, audit_days
"""

_WRITE = """
UPDATE retention_settings SET version = $2, positions_days = $3, personal_data_days = $4, events_months = $5, audit_days = $6, updated_at = now()
WHERE tenant_id = $1
"""


async def update_retention(scope: Scope, changes: Retentions, if_version: int | None = None) -> dict[str, Any]:
    """Set how long something is kept; outcome ``{}``. What is over by the new settings goes within the hour, for good.

    Raises Conflict, and INVALID_VALUE for what is out of its bounds. A change that changes nothing writes nothing.
    """
    scope.require(Permission.PRIVACY_WRITE)
    refusals = [fault for name, value in changes.items() if (fault := _out_of_bounds(name, value)) is not None]
    if refusals:
        raise Refusals(refusals)
    row = await scope.tx.fetchrow(_LOCK, scope.tenant_id)
    if row is None:
        raise LookupError("an upsert always returns its row")
    if if_version is not None and if_version != row["version"]:
        raise Conflict("tenant's retention", row["version"], scope.tenant_id)
    before: Retentions = {name: row[name] for name in RETENTIONS}
    after = {**before, **changes}
    if after != before:
        version = row["version"] + 1
        await scope.tx.execute(_WRITE, scope.tenant_id, version, *(after[name] for name in RETENTIONS))
        scope.emit(
            RetentionChanged(
                aggregate_version=version,
                positions_days=after["positions_days"],
                personal_data_days=after["personal_data_days"],
                events_months=after["events_months"],
                audit_days=after["audit_days"],
            )
        )
    return {}


def _out_of_bounds(name: str, value: int | None) -> DoorstepError | None:
    bounds = RETENTIONS[name]
    if value is None or bounds.least <= value <= bounds.most:
        return None
    first, *rest = name.split("_")
    said = f"{bounds.least} to {bounds.most} {bounds.unit}, or null to keep it for good."
    return DoorstepError(ProblemCode.INVALID_VALUE, said, ("".join([first, *(word.title() for word in rest)]),))

"""``retention`` and ``updateRetention``."""

from datetime import datetime
from typing import Annotated

import strawberry

from doorstep.kernel.db import Row
from doorstep.kernel.graphql.context import Context, Info, Outcome
from doorstep.kernel.graphql.events import Event, register_event
from doorstep.kernel.graphql.problems import Payload
from doorstep.kernel.scope import Scope
from doorstep.privacy.model import RETENTIONS
from doorstep.privacy.reads import retention_of
from doorstep.privacy.service import update_retention
from doorstep.privacy.service.retention import Retentions

_POSITIONS = "Days after which a vehicle's last position is deleted"
_PERSONAL = (
    "Days after which the people of an order that is over and has not changed since are erased, as by eraseRecipient"
)
_EVENTS = "Months after which events are cut off the beginning of the log; cursors from before are RESYNC_REQUIRED then"
_AUDIT = "Days after which entries of the audit log are deleted"
_FOR_GOOD = "; null: kept for good."
_BY_OPERATOR = "; never kept longer than the operator keeps everybody's log (13 months unless set otherwise), which null leaves it to."


def _bounds(name: str) -> str:
    bounds = RETENTIONS[name]
    return f", {bounds.least} to {bounds.most}{_BY_OPERATOR if name == 'events_months' else _FOR_GOOD}"


@strawberry.type(
    description="How long this tenant keeps what. Stored answers of idempotency keys are kept 48 hours, receipts of erasures for good."
)
class Retention:
    version: int = strawberry.field(
        description="Counts the changes, 0 before the first; send it as `ifVersion` to change only what you saw."
    )
    positions_days: int | None = strawberry.field(description=f"{_POSITIONS}{_FOR_GOOD}")
    personal_data_days: int | None = strawberry.field(description=f"{_PERSONAL}{_FOR_GOOD}")
    events_months: int | None = strawberry.field(description=f"{_EVENTS}{_BY_OPERATOR}")
    audit_days: int | None = strawberry.field(description=f"{_AUDIT}{_FOR_GOOD}")
    updated_at: datetime | None = strawberry.field(description="When it last changed; null before the first change.")

    @classmethod
    def of(cls, row: Row | None) -> "Retention":
        """From a row of ``retention_settings``; without one everything is kept."""
        if row is None or row["version"] == 0:
            return cls(
                version=0,
                positions_days=None,
                personal_data_days=None,
                events_months=None,
                audit_days=None,
                updated_at=None,
            )
        return cls(
            version=row["version"],
            positions_days=row["positions_days"],
            personal_data_days=row["personal_data_days"],
            events_months=row["events_months"],
            audit_days=row["audit_days"],
            updated_at=row["updated_at"],
        )


async def _present(context: Context) -> Retention:
    return Retention.of(await retention_of(await context.reads(), context.tenant_id))


@register_event
@strawberry.type(
    description="How long this tenant keeps something was changed; null: for good, or events as long as the operator keeps them."
)
class RetentionChanged(Event):
    @strawberry.field(description=f"{_POSITIONS}.")
    def positions_days(self) -> int | None:
        return self._days("positions_days")

    @strawberry.field(description=f"{_PERSONAL}.")
    def personal_data_days(self) -> int | None:
        return self._days("personal_data_days")

    @strawberry.field(description=f"{_EVENTS}.")
    def events_months(self) -> int | None:
        return self._days("events_months")

    @strawberry.field(description=f"{_AUDIT}.")
    def audit_days(self) -> int | None:
        return self._days("audit_days")

    def _days(self, name: str) -> int | None:
        value: int | None = self.row["data"][name]
        return value


@strawberry.input(description="Changes of how long this tenant keeps what; what is left out stays as it is.")
class UpdateRetentionInput:
    positions_days: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description=f"{_POSITIONS}{_bounds('positions_days')}"
    )
    personal_data_days: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description=f"{_PERSONAL}{_bounds('personal_data_days')}"
    )
    events_months: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description=f"{_EVENTS}{_bounds('events_months')}"
    )
    audit_days: strawberry.Maybe[int | None] = strawberry.field(
        default=None, description=f"{_AUDIT}{_bounds('audit_days')}"
    )
    if_version: int | None = strawberry.field(
        default=None, description="Refuse with CONFLICT when the settings are at another version."
    )
    idempotency_key: str | None = strawberry.field(
        default=None,
        description="Send the same key again after a lost answer: the mutation is carried out once (kept for 48 hours).",
    )

    def changes(self) -> Retentions:
        """What is given."""
        given = {name: getattr(self, name) for name in RETENTIONS}
        return {name: some.value for name, some in given.items() if some is not None}


@strawberry.type(description="The answer to updateRetention.")
class UpdateRetentionPayload(Payload):
    @strawberry.field(description="The settings as they are now, also after a refusal.")
    async def retention(self, info: Info) -> Retention | None:
        return await _present(info.context)


@strawberry.type
class RetentionQueries:
    @strawberry.field(description="How long this tenant keeps what.")
    async def retention(self, info: Info) -> Retention | None:
        return await _present(info.context)


@strawberry.type
class RetentionMutations:
    @strawberry.mutation(
        description="Set how long this tenant keeps what. What is over by the new settings goes within the hour, and there is no way back."
    )
    async def update_retention(
        self, info: Info, input: Annotated[UpdateRetentionInput, strawberry.argument(description="The changes.")]
    ) -> UpdateRetentionPayload | None:
        async def use_case(scope: Scope) -> Outcome:
            return await update_retention(scope, input.changes(), input.if_version)

        return await info.context.write("updateRetention", input, UpdateRetentionPayload, use_case)

"""The audit log: who did what, with which credential and from where, one entry for each mutation that was carried out.

An entry is written in the transaction of its effect, so that there is none without an effect, and no effect without its entry. It holds what was
asked for by the names of the fields: ids, words of fixed lists, numbers and instants as they are, texts that a person wrote only as a keyed hash.
So the log says that two values were the same, but not what they said; who erases a person takes the hashes out, too.

``Context.write`` writes the entries. The application's role may add entries and take values out of them, but neither change anything else nor
delete them: that is retention's, which runs as the system.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from doorstep.kernel.db import Transaction
from doorstep.kernel.ids import new_id
from doorstep.kernel.scope import Scope
from doorstep.kernel.secrets import SecretKeys
from doorstep.kernel.tables import INSTANT, JSON_OBJECT, TenantTable, tenant_key

HASH = "hmac-sha256:"
"""What every hash begins with."""

NOT_KEPT = "not kept"
"""Stands for a value of which not even a hash is kept."""

Change = str | int | float | bool | None


class Audited(Enum):
    """How much of a mutation's input its entry holds."""

    VALUES = "values"
    """Texts as hashes, everything else as it is."""

    FIELDS = "fields"
    """Of texts only that they were given: for inputs that say whom to forget."""

    NOT = "not"
    """No entry at all: for what devices report many times a minute and what changes nothing that is kept."""


class AuditRow(TenantTable, table=True):
    """One mutation that was carried out."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("audit_entries_by_time", "tenant_id", "at", "id"),)

    at: datetime = Field(sa_type=INSTANT, nullable=False, sa_column_kwargs={"server_default": func.now()})
    actor_kind: str
    actor_id: UUID | None = None
    member_id: UUID | None = None
    address: str | None = None
    request_id: str
    operation: str
    changes: dict[str, Change] = Field(sa_type=JSONB, sa_column_kwargs=JSON_OBJECT)


class AuditSubjectRow(SQLModel, table=True):
    """An object that an entry is about; ``kind`` is the prefix of its public id."""

    __tablename__ = "audit_subjects"
    __table_args__ = (
        tenant_key("entry_id", "audit_entries", ondelete="CASCADE"),
        Index("audit_subjects_by_subject", "tenant_id", "subject_id", "entry_id"),
    )

    tenant_id: UUID = Field(primary_key=True)
    entry_id: UUID = Field(primary_key=True)
    subject_id: UUID = Field(primary_key=True)
    kind: str


class Hasher:
    """Keyed hashes of one tenant's texts: the same text has the same hash in this tenant and another one in every other."""

    def __init__(self, keys: SecretKeys, tenant_id: UUID) -> None:
        self._keys = keys
        self._tenant = tenant_id.bytes

    def __call__(self, text: str) -> str:
        """``hmac-sha256:`` and 64 hexadecimal digits."""
        return HASH + self._keys.sign("audit", self._tenant + text.encode(errors="surrogatepass")).hex()


@dataclass(frozen=True, slots=True)
class Subject:
    """An object that was touched, by the prefix of its public id and its UUID."""

    kind: str
    id: UUID


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What is to be noted of a mutation; ``address`` is the client's network address, None where nobody sent it."""

    operation: str
    request_id: str
    address: str | None = None
    member_id: UUID | None = None
    subjects: Sequence[Subject] = ()
    changes: dict[str, Change] = field(default_factory=dict)


_RECORD = """
WITH entry AS (
  INSERT INTO audit_entries (tenant_id, id, actor_kind, actor_id, member_id, address, request_id, operation, changes)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
)
INSERT INTO audit_subjects (tenant_id, entry_id, subject_id, kind)
SELECT $1, $2, subject.id, subject.kind FROM unnest($10::uuid[], $11::text[]) AS subject(id, kind)
"""


_PRUNE = """
DELETE FROM audit_entries WHERE tenant_id = $1 AND id IN (
  SELECT id FROM audit_entries WHERE tenant_id = $1 AND at < now() - make_interval(days => $2) ORDER BY at, id LIMIT $3
)
"""


async def prune_audit(tx: Transaction, tenant_id: UUID, days: int, limit: int) -> int:
    """Delete up to ``limit`` of a tenant's entries that are older than so many days, oldest first; returns how many. Only the system may."""
    return int((await tx.execute(_PRUNE, tenant_id, days, limit)).rpartition(" ")[2])


async def record(scope: Scope, entry: AuditEntry) -> None:
    """Write an entry in ``scope``'s transaction, with its subjects in one statement."""
    subjects = {subject.id: subject.kind for subject in entry.subjects}
    await scope.tx.execute(
        _RECORD,
        scope.tenant_id,
        new_id(),
        scope.actor.kind.value,
        scope.actor.id,
        entry.member_id,
        entry.address,
        entry.request_id,
        entry.operation,
        entry.changes,
        list(subjects),
        list(subjects.values()),
    )

"""One operation's context: who asks, its one read snapshot, its batches, and the one way to write.

Batches live per operation and per subscription event, never per socket: a cached row would repeat yesterday's status.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import strawberry
from strawberry.types import Info as StrawberryInfo

from doorstep.kernel.audit import Audited, AuditEntry, Hasher, record
from doorstep.kernel.db import Database, Opened, Transaction
from doorstep.kernel.driver_errors import ChangedMeanwhile
from doorstep.kernel.errors import (
    BadUserInput,
    DoorstepError,
    ProblemCode,
    TooComplex,
    Unauthenticated,
    Unavailable,
)
from doorstep.kernel.event_stream import EventHub, LogPosition
from doorstep.kernel.graphql.auditing import changes_of, subjects_of
from doorstep.kernel.graphql.batches import Asked, Batch, OperationEnded
from doorstep.kernel.graphql.problems import Payload, Problem
from doorstep.kernel.graphql.rounds import Rounds
from doorstep.kernel.idempotency import check_key, find_outcome, fingerprint, is_stored, store_outcome
from doorstep.kernel.ids import InvalidId, parse_id
from doorstep.kernel.scope import Permission, Principal, Scope
from doorstep.kernel.secrets import SecretKeys

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
P = TypeVar("P", bound=Payload)

Outcome = dict[str, Any]
UseCase = Callable[[Scope], Awaitable[Outcome]]
BatchRead = Callable[["Context", list[K]], Awaitable[Sequence[V]]]

WRITE_TRIES = 3

MAX_LISTED = 25_000
"""Most objects that the nested lists of one answer may hold together: a list inside a list multiplies, and each object costs about 4 kB."""


_GUARDED: dict[Any, Permission] = {}


def guard(batch: BatchRead[K, V], permission: Permission) -> None:
    """Say which permission a batch needs, from wherever it is reached: a nested field shows no more than a root field would."""
    _GUARDED[batch] = permission


class Services:
    """What the process offers to slices beside the database (roads, solver, …), looked up by type."""

    def __init__(self, db: Database, system: Database, hub: EventHub) -> None:
        self.db = db
        self.system = system
        self.hub = hub
        self._offered: dict[type, object] = {}

    def offer(self, service: object, under: type | None = None) -> None:
        """Make a service known under its class, or under ``under``."""
        self._offered[under or type(service)] = service

    def get(self, kind: type[T]) -> T:
        """The service of that class."""
        return cast(T, self._offered[kind])

    def kept(self, kind: type[T], make: Callable[[], T]) -> T:
        """The service of that class, made when it is first asked for."""
        if kind not in self._offered:
            self.offer(make())
        return self.get(kind)

    @property
    def secret_keys(self) -> SecretKeys:
        """The installation's keys; where none were offered (a test), keys that this process made for itself."""
        if SecretKeys not in self._offered:
            self.offer(SecretKeys([os.urandom(32)]))
        return self.get(SecretKeys)


class Context:
    """The context of one operation (or of one subscription); ``address`` is the client's, as the audit log shows it."""

    def __init__(
        self, services: Services, principal: Principal | None, request_id: str, address: str | None = None
    ) -> None:
        self.services = services
        self._principal = principal
        self.request_id = request_id
        self.address = address
        self.connection_params: dict[str, Any] = {}
        self.handshake_token: str | None = None
        self.credential: str | None = None
        self.leave: Callable[[], None] | None = None
        """Counts the socket of this context out."""
        self.origin: str | None = None
        """The other site's origin whose page asks; None: no such page."""
        self.resume_after: str | None = None
        """The cursor after which the transport says that the event log is to go on; it counts for more than an argument."""
        self.from_now = False
        """Whether a stream of the event log begins now, wherever an argument says: its other readers begin elsewhere."""
        self.resume_at: str | None = None
        """The cursor of the item of the event log that was sent last."""
        self.read_to: LogPosition | None = None
        """How far a stream of the event log has read; what it was to tell up to there is told."""
        self.caught_up = False
        """Whether a stream of the event log has already told that it is at the log's end."""
        self.item_key: Hashable = None
        """Which object the item is about that was sent last, in a stream of newest states."""
        self.rounds = Rounds()
        self._batches: dict[Any, Batch[Any, Any]] = {}
        self._opened: Opened | None = None
        self._closed = False
        self._snapshot: Transaction | None = None
        self._opening = asyncio.Lock()
        self.listed = 0
        """Objects in nested lists until now."""
        self.collecting = False
        """While a level steps its resolvers (``execution.levels``): loads are handed to it."""

    @property
    def principal_or_none(self) -> Principal | None:
        """Who asks, or None without a credential."""
        return self._principal

    @property
    def principal(self) -> Principal:
        """Who asks; raises Unauthenticated without a credential."""
        if self._principal is None:
            raise Unauthenticated("Send your API key as `Authorization: Bearer dsk_live_…`.")
        return self._principal

    @property
    def tenant_id(self) -> UUID:
        """The tenant of the credential."""
        return self.principal.tenant_id

    def adopt(self, principal: Principal) -> None:
        """Take the principal that a socket's ``connection_init`` brought."""
        self._principal = principal

    def fork(self) -> "Context":
        """A context of its own for one subscription of a socket."""
        forked = Context(self.services, self._principal, self.request_id, self.address)
        forked.credential = self.credential
        return forked

    def require(self, permission: Permission) -> Principal:
        """The principal, if it has the permission; raises Unauthenticated or Forbidden."""
        self.principal.require(permission)
        return self.principal

    async def reads(self) -> Transaction:
        """The operation's read snapshot, opened at first use; every nested row comes from the same moment."""
        async with self._opening:
            snapshot = self._snapshot
            if snapshot is None:
                if self._closed:
                    raise OperationEnded("the operation is over")
                opened = self.services.db.snapshot(self.principal)
                snapshot = self._snapshot = await opened.__aenter__()
                self._opened = opened
            return snapshot

    async def finish(self) -> None:
        """Close the snapshot and forget the batches: the next read is of a new moment."""
        batches, self._batches = self._batches, {}
        for batch in batches.values():
            await batch.stop()
        self.listed = 0
        self._snapshot = None
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.__aexit__(None, None, None)

    async def close(self) -> None:
        """The same for good: a resolver that is left over must not open a snapshot that nobody would close."""
        self._closed = True
        await self.finish()

    def load(self, batch: BatchRead[K, V], key: K) -> Awaitable[V]:
        """``key``'s value by a batch read: ``batch(context, keys)`` runs once for all keys that a level asks for.

        Raises Forbidden for what the credential may not see, TooComplex when the lists of the operation grow past MAX_LISTED.
        """
        known = self._batch_of(batch)
        if self.collecting:
            return Asked(known, (key,), self._told_one)
        return self._load(known, (key,), self._told_one)

    def load_many(self, batch: BatchRead[K, V], keys: Sequence[K]) -> Awaitable[list[V]]:
        """The values of several keys, as ``load`` gives each."""
        known = self._batch_of(batch)
        return Asked(known, keys, self._told) if self.collecting else self._load(known, keys, self._told)

    def _batch_of(self, batch: BatchRead[K, V]) -> Batch[K, V]:
        known = self._batches.get(batch)
        if known is None:
            if (permission := _GUARDED.get(batch)) is not None:
                self.require(permission)
            known = self._batches[batch] = Batch(lambda wanted: batch(self, wanted))
        return known

    @staticmethod
    async def _load(batch: Batch[K, V], keys: Sequence[K], told: Callable[[list[V]], Any]) -> Any:
        return told(await batch.load(keys))

    def _told_one(self, values: list[V]) -> V:
        value = values[0]
        if isinstance(value, list):
            self._count(len(value))
        return value

    def _told(self, values: list[V]) -> list[V]:
        for value in values:
            if isinstance(value, list):
                self._count(len(value))
        return values

    def _count(self, objects: int) -> None:
        self.listed += objects
        if self.listed > MAX_LISTED:
            raise TooComplex(
                f"The answer would hold more than {MAX_LISTED:,} objects in nested lists. Ask for smaller pages."
            )

    async def write(
        self,
        operation: str,
        input: Any,
        payload: type[P],
        use_case: UseCase,
        *,
        audited: Audited = Audited.VALUES,
    ) -> P:
        """Run a use case as one transaction and answer with its payload.

        The outcome is stored under ``input.idempotency_key`` in the same commit, and so is the audit entry; a replay gets the stored outcome and
        leaves no entry. A ``DoorstepError`` becomes problems and nothing is written. The payload is resolved after the commit, from a fresh snapshot.
        """
        await self.finish()
        unit = _Unit(operation, input, payload, audited)
        try:
            outcome = await self._run(unit, use_case)
            return payload(outcome=outcome, problems=[])
        except DoorstepError as refusal:
            return payload(outcome=refusal.outcome, problems=Problem.of(refusal))

    async def is_answered(self, operation: str, input: Any) -> bool:
        """Whether the input's key has an outcome already: then ``write`` needs nothing that takes long to work out beforehand."""
        key: str | None = getattr(input, "idempotency_key", None)
        if key is None:
            return False
        async with self.services.db.snapshot(self.principal) as tx:
            return await is_stored(tx, self.tenant_id, operation, key)

    async def _run(self, unit: "_Unit", use_case: UseCase) -> Outcome:
        key: str | None = getattr(unit.input, "idempotency_key", None)
        if key is not None:
            check_key(key)
        for attempt in range(WRITE_TRIES):
            try:
                async with self.services.db.write(self.principal) as scope:
                    return await self._once(scope, unit, key, use_case)
            except ChangedMeanwhile:
                await asyncio.sleep(0.01 * 2**attempt)
        raise Unavailable(
            "Too many others change the same objects now. Nothing was written: send the same request again."
        )

    async def _once(self, scope: Scope, unit: "_Unit", key: str | None, use_case: UseCase) -> Outcome:
        if key is None:
            outcome = await use_case(scope)
            await self._audit(scope, unit, outcome)
            return outcome
        print_ = fingerprint(unit.input)
        stored = await find_outcome(scope.tx, scope.tenant_id, unit.operation, key, print_)
        if stored is not None:
            return stored
        outcome = await use_case(scope)
        await scope.tx.flush()
        await store_outcome(scope.tx, scope.tenant_id, unit.operation, key, print_, outcome)
        await self._audit(scope, unit, outcome)
        return outcome

    async def _audit(self, scope: Scope, unit: "_Unit", outcome: Outcome) -> None:
        if unit.audited is Audited.NOT:
            return
        entry = AuditEntry(
            operation=unit.operation,
            request_id=self.request_id,
            address=self.address,
            member_id=self.principal.member_id,
            subjects=list(subjects_of(unit.payload, outcome)),
            changes=changes_of(unit.input, unit.audited, Hasher(self.services.secret_keys, scope.tenant_id)),
        )
        await record(scope, entry)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A mutation on its way: its name, its coerced input, its payload's type, and how much of it the audit log keeps."""

    operation: str
    input: Any
    payload: type[Payload]
    audited: Audited


Info = StrawberryInfo[Context, None]


def argument_id(prefix: str, text: str) -> UUID:
    """The UUID of a query's id argument; raises BadUserInput when it is not an id of that type."""
    try:
        return parse_id(prefix, text)
    except InvalidId as error:
        raise BadUserInput(f"{error}.") from error


def input_id(prefix: str, text: str, *path: str | int) -> UUID:
    """The UUID of an id inside a mutation's input; raises an INVALID_ID refusal at ``path``."""
    try:
        return parse_id(prefix, text)
    except InvalidId as error:
        raise DoorstepError(ProblemCode.INVALID_ID, f"{error}.", path) from error


class UpwardEdge(Generic[K, V]):
    """An edge to a slice above: the lower slice names a batch read, the upper slice supplies it when it is imported.

    ``Order.assignment`` belongs to planning, which lies above orders. Orders declares ``ASSIGNMENT = UpwardEdge("Order.assignment")`` and
    resolves its field by ``await ASSIGNMENT.load(info.context, order_id)``; planning calls ``ASSIGNMENT.supply(load_assignments)``.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._batch: BatchRead[K, V] | None = None

    def supply(self, batch: BatchRead[K, V]) -> None:
        """Say which batch read answers this edge."""
        self._batch = batch

    async def load(self, context: Context, key: K) -> V:
        """The edge's value for one key, batched with its siblings."""
        if self._batch is None:
            raise LookupError(f"nothing supplies {self.name}")
        return await context.load(self._batch, key)


def given(value: Any) -> bool:
    """Whether a ``Maybe`` field or optional argument was given at all (null counts as given)."""
    return value is not None and value is not strawberry.UNSET

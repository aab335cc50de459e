"""The pool, the transactions, and the only commit.

A transaction sets its tenant in the same round trip as BEGIN (``BEGIN; SET LOCAL app.tenant_id = …``), never for the session, so that a
pooled connection can carry no tenant over. Reads of one operation share one REPEATABLE READ READ ONLY transaction behind a lock:
asyncpg runs one statement at a time, siblings queue.
"""

import asyncio
import time
import weakref
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import structlog
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import SQLModel

from doorstep.kernel.beginning import begin_text
from doorstep.kernel.driver_errors import AWAY_IN_COMMIT, AWAY_NOW, DRIVERS, cause_of, translate, translated
from doorstep.kernel.errors import Forbidden, Unavailable
from doorstep.kernel.events import append_events
from doorstep.kernel.scope import Principal, Scope
from doorstep.kernel.tables import bulk_insert_statement

log = structlog.get_logger(__name__)

Row = asyncpg.Record
_Pair = tuple[AsyncConnection, asyncpg.Connection]
"""A connection as SQLAlchemy and as the driver knows it."""

CONNECT_SECONDS = 5.0
GOODBYE_SECONDS = 1.0
SILENCE_SECONDS = 2.0
"""How much longer than the server's own limit we wait for its answer: then it is frozen, or the network lost us."""


class DatabaseUrls:
    """The two logins that run: requests and jobs (app), relay and maintenance (system)."""

    def __init__(self, app: str, system: str) -> None:
        self._app = app
        self._system = system

    @property
    def app(self) -> str:
        """For requests and jobs."""
        return self._app

    @property
    def system(self) -> str:
        """For relay and maintenance."""
        return self._system


class _Statement:
    """One statement at a time, its errors translated. After one has failed the server refuses all others: they fail for the same reason."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._failure: BaseException | None = None

    async def __aenter__(self) -> None:
        await self._lock.acquire()

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._lock.release()
        if isinstance(error, Exception):
            if isinstance(cause_of(error), asyncpg.InFailedSQLTransactionError) and self._failure is not None:
                raise self._failure from error
            self._failure = meant = translate(error)
            if meant is not error:
                raise meant from error


class Transaction:
    """One open transaction on one connection; statements queue behind a lock, and are given up after ``patience`` seconds without an answer."""

    def __init__(self, connection: AsyncConnection, raw: asyncpg.Connection, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self.raw = raw
        self._statement = _Statement()
        self._session: AsyncSession | None = None

    @property
    def used_by_orm(self) -> bool:
        """Whether an ORM session was made on it."""
        return self._session is not None

    @property
    def session(self) -> AsyncSession:
        """The ORM session on this transaction, for mutations; never commit it, ``Database`` does."""
        if self._session is None:
            self._session = AsyncSession(self._connection, expire_on_commit=False, autoflush=False)
        return self._session

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        """All rows."""
        async with self._statement:
            await self._flush()
            return await self.raw.fetch(sql, *arguments, timeout=self._patience)

    async def fetchrow(self, sql: str, *arguments: Any) -> Row | None:
        """The first row, or None."""
        async with self._statement:
            await self._flush()
            return await self.raw.fetchrow(sql, *arguments, timeout=self._patience)

    async def fetchval(self, sql: str, *arguments: Any) -> Any:
        """The first column of the first row, or None."""
        async with self._statement:
            await self._flush()
            return await self.raw.fetchval(sql, *arguments, timeout=self._patience)

    async def execute(self, sql: str, *arguments: Any) -> str:
        """Run a statement; returns its command tag, such as ``UPDATE 1``."""
        async with self._statement:
            await self._flush()
            return await self.raw.execute(sql, *arguments, timeout=self._patience)

    async def insert(self, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows (dicts with the same columns) in one statement; none is fine."""
        if rows:
            sql, arrays = bulk_insert_statement(model, rows)
            await self.execute(sql, *arrays)

    async def flush(self) -> None:
        """Write what the ORM session holds."""
        async with self._statement:
            await self._flush()

    async def _flush(self) -> None:
        if self._session is not None and (self._session.new or self._session.dirty or self._session.deleted):
            await self._session.flush()

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A nested unit: an error inside undoes only what the block wrote."""
        await self.execute("SAVEPOINT unit")
        try:
            yield
            await self.flush()
        except BaseException:
            if self._session is not None:
                self._session.expunge_all()
            await self.execute("ROLLBACK TO SAVEPOINT unit; RELEASE SAVEPOINT unit")
            raise
        await self.execute("RELEASE SAVEPOINT unit")

    async def close_session(self) -> None:
        """Forget the ORM session."""
        if self._session is not None:
            await self._session.close()


Opened = AbstractAsyncContextManager[Transaction]


class Database:
    """The pool of one role on one database. ``on_commit`` hears of every tenant that a commit wrote events for.

    ``url`` may be a function, asked again for each new connection: the embedded server takes another port when its own was taken while it was down.
    """

    def __init__(
        self,
        url: str | Callable[[], str],
        *,
        pool_size: int = 10,
        statement_seconds: float = 5.0,
        name: str = "doorstep",
        on_commit: Callable[[UUID], None] | None = None,
    ) -> None:
        self._url = url
        self.on_commit = on_commit
        self._pool_size = pool_size
        self._statement_seconds = statement_seconds
        self._connections: weakref.WeakSet[asyncpg.Connection] = weakref.WeakSet()
        self._server_settings = {
            "application_name": name,
            "statement_timeout": str(int(statement_seconds * 1000)),
            "lock_timeout": str(int(statement_seconds * 1000)),
            "idle_in_transaction_session_timeout": "30000",
            "timezone": "UTC",
        }
        # The dialect gets no URL of its own: asyncpg and SQLAlchemy read different ones, so asyncpg alone reads ours.
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=self._connect,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=5,
            pool_use_lifo=True,
            json_serializer=lambda value: value,
            json_deserializer=lambda value: value,
        )
        self._ready: list[_Pair] = []
        """Connections that stay out of SQLAlchemy's pool between two short uses: to hand one in and out costs more than a short read."""
        self._queueing = 0
        """How many wait for a connection of the pool; while there are any, all connections go back there."""
        sqlalchemy_event.listen(self._engine.sync_engine, "connect", _use_orjson)

    @property
    def url(self) -> str:
        """Where the database is now."""
        return self._url if isinstance(self._url, str) else self._url()

    @property
    def pool_in_use(self) -> int:
        """Connections handed out now."""
        return int(self._engine.pool.checkedout()) - len(self._ready)  # type: ignore[attr-defined]

    async def close(self) -> None:
        """Close every pooled connection; where the server is silent, without its goodbye."""
        ready, self._ready = self._ready, []
        for connection, _ in ready:
            await connection.close()
        goodbyes = [raw.close(timeout=GOODBYE_SECONDS) for raw in self._connections if not raw.is_closed()]
        await asyncio.gather(*goodbyes, return_exceptions=True)
        await self._engine.dispose()

    async def _connect(self) -> asyncpg.Connection:
        connection: asyncpg.Connection = await asyncpg.connect(
            self.url,
            server_settings=self._server_settings,
            timeout=CONNECT_SECONDS,
            command_timeout=self._statement_seconds + SILENCE_SECONDS,
        )
        self._connections.add(connection)
        return connection

    @asynccontextmanager
    async def _begin(
        self, begin: str, *, commit: bool, statement_seconds: float | None = None
    ) -> AsyncIterator[Transaction]:
        connection, raw = await self._open(begin)
        try:
            tx = Transaction(connection, raw, (statement_seconds or self._statement_seconds) + SILENCE_SECONDS)
            try:
                yield tx
                await tx.flush()
                await _end(raw, commit=commit)
            except BaseException:
                await _roll_back(connection, raw)
                raise
            finally:
                await tx.close_session()
        except BaseException:
            await asyncio.shield(connection.close())
            raise
        if self._queueing or tx.used_by_orm:
            await connection.close()
        else:
            self._ready.append((connection, raw))

    async def _open(self, begin: str) -> _Pair:
        """A connection on which the transaction has begun.

        After the server was away the pool holds connections that are dead without knowing it. Each is thrown away where it fails to begin, so
        that the first request after an outage already gets a live one.
        """
        started = time.monotonic()
        for _ in range(self._pool_size):
            opened = await self._try_to_open(begin)
            if opened is not None:
                return opened
            if time.monotonic() - started > CONNECT_SECONDS / 2:  # not dead, but silent: so will the others be
                break
        raise Unavailable(AWAY_NOW)

    async def _try_to_open(self, begin: str) -> _Pair | None:
        """The same with whatever the pool hands out; None when that was dead. Raises Unavailable when none can be had."""
        connection, raw = self._ready.pop() if self._ready else await self._from_pool()
        try:
            async with translated():
                await raw.execute(begin, timeout=CONNECT_SECONDS)
        except BaseException as error:
            # Also after a cancellation: nobody knows whether the transaction has begun, and the next user must not find it.
            await asyncio.shield(_throw_away(connection))
            if isinstance(error, Unavailable):
                return None
            raise
        return connection, raw

    async def _from_pool(self) -> _Pair:
        self._queueing += 1
        try:
            async with translated():
                connection = await self._engine.connect()
        finally:
            self._queueing -= 1
        raw: asyncpg.Connection = (await connection.get_raw_connection()).driver_connection  # type: ignore[assignment]
        return connection, raw

    def transaction(self, whose: UUID | Principal | None = None, *, statement_seconds: float | None = None) -> Opened:
        """A read-write transaction (``async with``) of a tenant, within a principal's reach; without either it sees no tenant's rows under the app role."""
        begin = begin_text(whose, "", statement_seconds)
        return self._begin(begin, commit=True, statement_seconds=statement_seconds)

    def snapshot(self, whose: UUID | Principal | None, *, statement_seconds: float | None = None) -> Opened:
        """A REPEATABLE READ READ ONLY transaction (``async with``) of a tenant, within a principal's reach: everything read in it is of one moment."""
        begin = begin_text(whose, " ISOLATION LEVEL REPEATABLE READ READ ONLY", statement_seconds)
        return self._begin(begin, commit=False, statement_seconds=statement_seconds)

    @asynccontextmanager
    async def write(self, principal: Principal, *, statement_seconds: float | None = None) -> AsyncIterator[Scope]:
        """A unit of work: the changes and the events that it emits are one commit, or nothing is."""
        async with _within_reach(principal), self.transaction(principal, statement_seconds=statement_seconds) as tx:
            scope = Scope(principal, tx)
            yield scope
            await tx.flush()
            await append_events(scope)
        if scope.emitted and self.on_commit is not None:
            self.on_commit(principal.tenant_id)


@asynccontextmanager
async def _within_reach(principal: Principal) -> AsyncIterator[None]:
    """Tell a limited credential that it may not write out of its reach, which the database has refused."""
    try:
        yield
    except (asyncpg.InsufficientPrivilegeError, DBAPIError) as error:
        refused = isinstance(cause_of(error), asyncpg.InsufficientPrivilegeError)
        if refused and principal.reach.limited:
            raise Forbidden(
                "This credential is limited to a part of the company, and this would lie outside of it."
            ) from error
        raise


async def _end(raw: asyncpg.Connection, *, commit: bool) -> None:
    """COMMIT, or ROLLBACK of what only read. When the server goes away during a COMMIT, nobody knows whether it took place."""
    try:
        async with translated():
            await raw.execute("COMMIT" if commit else "ROLLBACK")
    except Unavailable as error:
        raise Unavailable(AWAY_IN_COMMIT if commit else AWAY_NOW) from error


async def _roll_back(connection: AsyncConnection, raw: asyncpg.Connection) -> None:
    """Undo; a connection that cannot even do that is thrown away and never reused."""
    try:
        await asyncio.shield(asyncio.wait_for(raw.execute("ROLLBACK"), SILENCE_SECONDS))
    except (OSError, TimeoutError, asyncio.CancelledError, *DRIVERS):
        raw.terminate()
        await connection.invalidate()


async def _throw_away(connection: AsyncConnection) -> None:
    """Close a connection for good; the pool makes a new one when it needs it."""
    if not connection.closed:
        driver = (await connection.get_raw_connection()).driver_connection
        if isinstance(driver, asyncpg.Connection):
            driver.terminate()  # a polite goodbye would wait for a server that is silent
        await connection.invalidate()
        await connection.close()


def _use_orjson(dbapi_connection: Any, _record: object) -> None:
    """jsonb ↔ Python objects on the driver's connection, for raw reads and the ORM alike."""
    dbapi_connection.run_async(_set_json_codec)


async def _set_json_codec(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", encoder=lambda value: orjson.dumps(value).decode(), decoder=orjson.loads
    )

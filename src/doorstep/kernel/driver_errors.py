"""What the database driver raises, as the request errors that it means."""

from types import TracebackType

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from doorstep.kernel.errors import BadUserInput, TimedOut, Unavailable

log = structlog.get_logger(__name__)

AWAY = (
    OSError,
    PoolTimeout,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.DiskFullError,
)
"""What the driver raises when the server is away, restarting, full or out of connections: the caller may try again."""

DRIVERS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Everything that the driver raises by itself."""

_RAISED = (DBAPIError, PoolTimeout, OSError, *DRIVERS)

AWAY_NOW = "The database is away for the moment. Nothing was written: send the same request again."
AWAY_IN_COMMIT = (
    "The database went away while it stored this: it may be written or not. Send the same request again with the same idempotencyKey; "
    "without a key, look before you repeat it."
)


class ChangedMeanwhile(Exception):
    """A concurrent transaction won (serialization or deadlock): the unit of work may be run again."""


def translate(error: BaseException) -> BaseException:
    """The request error that a driver error means, or the error itself."""
    cause = cause_of(error)
    if isinstance(cause, asyncpg.QueryCanceledError):
        return TimedOut("The database stopped a statement at its time limit. Ask for less at a time.")
    if isinstance(cause, asyncpg.LockNotAvailableError):
        return TimedOut("Others held what this needs for too long. Nothing was written: send the same request again.")
    if isinstance(cause, asyncpg.CharacterNotInRepertoireError | asyncpg.UntranslatableCharacterError):
        return BadUserInput("A text holds the character U+0000, which nothing here can be called.")
    if isinstance(cause, asyncpg.DeadlockDetectedError | asyncpg.SerializationError):
        return ChangedMeanwhile(str(cause))
    if isinstance(cause, AWAY) or _connection_lost(cause):
        log.warning("database_away", cause=type(cause).__name__)
        return Unavailable(AWAY_NOW)
    return error


def cause_of(error: BaseException) -> BaseException:
    """The driver's own error behind SQLAlchemy's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _connection_lost(cause: BaseException) -> bool:
    """The driver's own words for a connection that ended; its other interface errors are mistakes of ours.

    Its internal errors ("cannot switch to state …") are a connection whose server died at that very moment.
    """
    if isinstance(cause, asyncpg.InternalClientError):
        return True
    return isinstance(cause, asyncpg.InterfaceError) and "closed" in str(cause)


class translated:  # noqa: N801 - used like the functions of contextlib
    """Raise a driver's errors as the request errors that they mean (``async with translated():``)."""

    async def __aenter__(self) -> None:
        """Nothing yet."""

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Translate."""
        if isinstance(error, _RAISED):
            meant = translate(error)
            if meant is not error:
                raise meant from error

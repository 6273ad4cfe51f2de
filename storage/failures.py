"""Which errors mean that the database is away for now: a restart, a lost connection, full slots."""

import asyncpg

from storage.database import Conflict, StorageError

_AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    asyncpg.InternalClientError,
)


def is_temporary(error: BaseException) -> bool:
    """Say whether the same request may well succeed in some seconds."""
    if isinstance(error, StorageError):
        return not isinstance(error, Conflict)
    if isinstance(error, asyncpg.InterfaceError):
        # A closed connection or pool is one of these too, but so are wrong arguments.
        return not isinstance(error, ValueError)
    # Refused and reset connections, a missing socket, time-outs, a full disk.
    return isinstance(error, (*_AWAY, OSError))

"""The connection pool, transactions, and the few ways to run a statement."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import asyncpg
import orjson

from storage.query import Command, Query, Value

log = logging.getLogger(__name__)

# Bytes. Longer ones would be read and planned anew by PostgreSQL each time.
LONGEST_STATEMENT = 32 * 1024

T = TypeVar("T")
_Runner: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy


class StorageError(Exception):
    """The database could not do what was asked of it."""


class Conflict(StorageError):
    """A unique key exists already."""


class Connection:
    """Runs statements. Inside `Database.transaction` all of them commit together, or none."""

    def __init__(self, runner: _Runner) -> None:
        self._runner = runner

    async def fetch(self, query: Query[T], *args: object) -> list[T]:
        """Give all rows of `query` as its row type."""
        row = query.row
        return [row(*record) for record in await self._runner.fetch(query.sql, *args)]

    async def one(self, query: Query[T], *args: object) -> T | None:
        """Give the first row, or None."""
        record = await self._runner.fetchrow(query.sql, *args)
        return None if record is None else query.row(*record)

    async def value(self, query: Value[T], *args: object) -> T | None:
        """Give the first column of the first row, or None where there is no row."""
        result: T | None = await self._runner.fetchval(query.sql, *args)
        return result

    async def values(self, query: Value[T], *args: object) -> list[T]:
        """Give the first column of every row."""
        return [record[0] for record in await self._runner.fetch(query.sql, *args)]

    async def lines(self, query: Value[str], write: Callable[[bytes], Awaitable[None]]) -> None:
        """Give a text column to `write` as lines, piece by piece, however many there are. A text
        with a line's end in it would be two; JSON has none."""
        # Delimiter and quote that no JSON text has: the lines are the texts as they are.
        await self._runner.copy_from_query(
            query.sql, output=write, format="csv", delimiter="\x02", quote="\x01"
        )

    async def execute(self, command: Command, *args: object) -> int:
        """Run `command` and give the number of rows it touched.

        Raises Conflict where a unique key exists already.
        """
        try:
            status: str = await self._runner.execute(command.sql, *args)
        except asyncpg.UniqueViolationError as error:
            raise Conflict(str(error)) from error
        last = status.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0


class Transaction(Connection):
    """A connection inside a transaction, and what is to happen once it has committed."""

    def __init__(self, runner: _Runner) -> None:
        super().__init__(runner)
        self._after_commit: list[Callable[[], None]] = []

    def after_commit(self, call: Callable[[], None]) -> None:
        """Run `call` after the commit; never after a rollback."""
        self._after_commit.append(call)

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """What runs inside is undone alone when it raises."""
        async with self._runner.transaction():
            yield

    def run_after_commit(self) -> None:
        for call in self._after_commit:
            call()


class Database:
    """The pool. Each method borrows a connection for one statement or one transaction."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @classmethod
    async def connect(cls, dsn: str, *, pool_min: int = 1, pool_max: int = 12) -> "Database":
        """Open the pool. Raises StorageError when the database cannot be reached."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=pool_min,
                max_size=pool_max,
                init=_prepare_connection,
                reset=_nothing_to_reset,
                command_timeout=60,
                max_inactive_connection_lifetime=60,
                max_cacheable_statement_size=LONGEST_STATEMENT,
                server_settings={
                    "application_name": "fedserver",
                    "jit": "off",
                    # Our queries are index probes whatever their arguments; planning them anew
                    # on each connection costs more than it ever saves.
                    "plan_cache_mode": "force_generic_plan",
                },
            )
        except (OSError, asyncpg.PostgresError) as error:
            raise StorageError(f"cannot connect to the database: {error}") from error
        return cls(pool)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow one connection for several statements that need no common commit."""
        async with self._pool.acquire() as runner:
            yield Connection(runner)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Run statements that commit together. No network call may happen inside."""
        async with self._pool.acquire() as runner:
            transaction = Transaction(runner)
            async with runner.transaction():
                yield transaction
        transaction.run_after_commit()

    async def fetch(self, query: Query[T], *args: object) -> list[T]:
        """As Connection.fetch, on a connection borrowed for this statement."""
        async with self.connection() as connection:
            return await connection.fetch(query, *args)

    async def one(self, query: Query[T], *args: object) -> T | None:
        """As Connection.one, on a connection borrowed for this statement."""
        async with self.connection() as connection:
            return await connection.one(query, *args)

    async def value(self, query: Value[T], *args: object) -> T | None:
        """As Connection.value, on a connection borrowed for this statement."""
        async with self.connection() as connection:
            return await connection.value(query, *args)

    async def values(self, query: Value[T], *args: object) -> list[T]:
        """As Connection.values, on a connection borrowed for this statement."""
        async with self.connection() as connection:
            return await connection.values(query, *args)

    async def execute(self, command: Command, *args: object) -> int:
        """As Connection.execute, on a connection borrowed for this statement."""
        async with self.connection() as connection:
            return await connection.execute(command, *args)

    @asynccontextmanager
    async def listening(
        self, channels: Sequence[str], heard: Callable[[str, str], None]
    ) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hear NOTIFY on `channels` over a connection of its own: `heard(channel, payload)`.

        Gives a function that waits until the connection is lost (a restart of the database):
        whoever listens must then look for what it missed, and listen anew.
        """
        runner = await self._pool.acquire()
        lost = _Lost()
        runner.add_termination_listener(lost)

        def receive(_connection: object, _pid: int, channel: str, payload: object) -> None:
            heard(channel, str(payload))

        try:
            for channel in channels:
                await runner.add_listener(channel, receive)
            yield lost.wait
        finally:
            runner.remove_termination_listener(lost)
            await self._stop_listening(runner, channels, receive)

    async def _stop_listening(
        self,
        runner: asyncpg.pool.PoolConnectionProxy,
        channels: Sequence[str],
        receive: Callable[[object, int, str, object], None],
    ) -> None:
        if not runner.is_closed():
            for channel in channels:
                await runner.remove_listener(channel, receive)
        await self._pool.release(runner)


class _Lost:
    """Turns asyncpg's termination callback into something to wait for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self, _connection: object) -> None:
        self._event.set()

    async def wait(self) -> None:
        await self._event.wait()


async def _nothing_to_reset(_connection: asyncpg.Connection) -> None:
    """No statement here leaves anything behind on a connection; asyncpg's own reset would cost
    another round trip after each of them."""


async def _prepare_connection(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb", encoder=_jsonb_encode, decoder=_jsonb_decode, schema="pg_catalog", format="binary"
    )
    await connection.set_type_codec(
        "json", encoder=_json_text, decoder=orjson.loads, schema="pg_catalog"
    )


def _jsonb_encode(value: Any) -> bytes:
    return b"\x01" + orjson.dumps(value)


def _jsonb_decode(raw: bytes) -> Any:
    return orjson.loads(raw[1:])


def _json_text(value: Any) -> str:
    return orjson.dumps(value).decode()

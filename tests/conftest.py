"""What every test may stand on: a real PostgreSQL, and a fresh migrated database for each test."""

import asyncio
import itertools
import os
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from storage.database import Database
from storage.migrate import migrate
from storage.server import EmbeddedPostgres

_TEMPLATE = "fedserver_template"
_PORTS_EACH = 2_500
_numbers = itertools.count()
# Databases of this process that wait for a test, and how often each was used.
_clean: list[str] = []
_uses: Counter[str] = Counter()
_MOST_USES = 50

_END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# What the migrations themselves have put into tables is kept in the table `seeds`.
_KEEP_SEEDS = """
    CREATE SCHEMA for_tests;
    CREATE TABLE for_tests.seeds (name regclass PRIMARY KEY, rows jsonb NOT NULL);
    DO $$
    DECLARE one regclass; found jsonb;
    BEGIN
        FOR one IN SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
        LOOP
            EXECUTE format('SELECT jsonb_agg(to_jsonb(t)) FROM %s t', one) INTO found;
            IF found IS NOT NULL THEN
                INSERT INTO for_tests.seeds VALUES (one, found);
            END IF;
        END LOOP;
    END $$
"""
# Deleting the few rows of a test is faster than TRUNCATE, which makes new files; tables whose file
# is empty are not even opened. As a replica: without triggers, so that nothing follows from it.
_EMPTY = """
    SET session_replication_role = replica;
    DO $$
    DECLARE one regclass; seed jsonb;
    BEGIN
        FOR one IN SELECT oid FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
              AND (pg_stat_file(pg_relation_filepath(oid))).size > 0
        LOOP
            EXECUTE format('DELETE FROM %s', one);
        END LOOP;
        FOR one, seed IN SELECT name, rows FROM for_tests.seeds LOOP
            EXECUTE format(
                'INSERT INTO %s OVERRIDING SYSTEM VALUE'
                ' SELECT * FROM jsonb_populate_recordset(NULL::%s, $1)', one, one) USING seed;
        END LOOP;
    END $$
"""


def _ports_of_worker() -> Iterator[int]:
    """Ports below those that the system gives to connections, each handed out once in a while;
    the processes of one run (pytest-xdist calls them gw0, gw1, ...) share none."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    first = 12_000 + worker * _PORTS_EACH
    # Two runs at once do not begin at the same one.
    begin = os.getpid() % _PORTS_EACH
    return (first + number % _PORTS_EACH for number in itertools.count(begin))


_ports = _ports_of_worker()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """Give the DSN of a PostgreSQL that lives as long as the test run, without its database."""
    with tempfile.TemporaryDirectory(prefix="fedserver-tests-") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "data", max_connections=200)
        dsn = asyncio.run(_start(server))
        try:
            yield dsn
        finally:
            asyncio.run(server.stop())


async def _start(server: EmbeddedPostgres) -> str:
    dsn = await server.start()
    connection = await asyncpg.connect(dsn)
    # What a test writes need not survive the machine.
    await connection.execute("ALTER SYSTEM SET fsync = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    await connection.close()
    await migrate(database_url(dsn, _TEMPLATE))
    async with _connection(database_url(dsn, _TEMPLATE)) as template:
        await template.execute(_KEEP_SEEDS)
    return dsn


def database_url(dsn: str, name: str) -> str:
    """Give `dsn` with another database."""
    from urllib.parse import urlsplit, urlunsplit

    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(path=f"/{name}"))


@pytest.fixture
async def database_dsn(postgres: str) -> AsyncIterator[str]:
    """Give the DSN of a migrated database of this test's own."""
    async for dsn in fresh_database(postgres):
        yield dsn


@pytest.fixture
async def second_database_dsn(postgres: str) -> AsyncIterator[str]:
    """Give the DSN of another one, for a second instance."""
    async for dsn in fresh_database(postgres):
        yield dsn


async def fresh_database(postgres: str) -> AsyncIterator[str]:
    """Give an empty migrated database: one that an earlier test is done with, or a copy of the
    template, which takes ten times as long to make."""
    name = _clean.pop() if _clean else await _copied(postgres)
    try:
        yield database_url(postgres, name)
    finally:
        await _release(postgres, name)


async def _copied(postgres: str) -> str:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    async with _connection(postgres) as admin:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
    return name


async def _release(postgres: str, name: str) -> None:
    """Empty a database for the next test; one that was used often goes, with what it has left."""
    _uses[name] += 1
    if _uses[name] < _MOST_USES:
        async with _connection(database_url(postgres, name)) as inside:
            await inside.execute(_END_OTHERS)
            await inside.execute(_EMPTY)
        _clean.append(name)
        return
    async with _connection(postgres) as admin:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def db(database_dsn: str) -> AsyncIterator[Database]:
    """Give the pool of this test's database."""
    database = await Database.connect(database_dsn, pool_max=5)
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def raw_connection(postgres: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection to the migrated template, which tests only read."""
    connection = await asyncpg.connect(database_url(postgres, f"{_TEMPLATE}"))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
def free_port() -> int:
    """Give a port on loopback that nobody uses now."""
    return unused_port()


def unused_port() -> int:
    """As the fixture; for tests that need several."""
    for port in itertools.islice(_ports, _PORTS_EACH):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("this run has used up its ports")

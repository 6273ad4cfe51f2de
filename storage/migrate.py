"""Numbered, forward-only SQL migrations, one process at a time under an advisory lock.

A migration's file name is `NNNN_name.sql`. Its first line may say `-- compatible: NNNN`: the
oldest code (by the newest migration it knows) that still works on the new schema. Without that
line the migration is breaking: code that does not know it refuses to start.
"""

import logging
import re
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from storage.database import StorageError

log = logging.getLogger(__name__)

_LOCK = 0x6665647365727665  # "fedserve"
_NAME = re.compile(r"^(\d{4})_[a-z0-9_]+\.sql$")
_COMPATIBLE = re.compile(r"\A-- compatible: (\d{4})\n")

_BOOKS = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version    integer PRIMARY KEY,
    name       text NOT NULL,
    compatible integer NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its number, name, SQL, and the oldest code that works on its schema."""

    version: int
    name: str
    sql: str
    compatible: int


def migrations() -> list[Migration]:
    """Give the bundled migrations in order."""
    found = []
    for entry in files("storage").joinpath("migrations").iterdir():
        match = _NAME.match(entry.name)
        if match:
            found.append(_read(int(match[1]), entry.name, entry.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.version)


def _read(version: int, name: str, sql: str) -> Migration:
    compatible = _COMPATIBLE.match(sql)
    return Migration(version, name, sql, int(compatible[1]) if compatible else version)


async def migrate(dsn: str, known: list[Migration] | None = None) -> list[str]:
    """Bring the schema up to date and give the names of what was applied.

    Raises StorageError when the database cannot be reached, a migration fails (and is undone), or
    the database is newer than this code can work with.
    """
    known = migrations() if known is None else known
    try:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            return await _apply_missing(connection, known)
        finally:
            await connection.close()
    except (OSError, asyncpg.PostgresError) as error:
        raise StorageError(f"cannot migrate the database: {error}") from error


async def _apply_missing(connection: asyncpg.Connection, known: list[Migration]) -> list[str]:
    await connection.execute(_BOOKS)
    applied = await connection.fetch("SELECT version, compatible FROM schema_migrations")
    _check_compatible(applied, known)
    done = {record["version"] for record in applied}
    missing = [migration for migration in known if migration.version not in done]
    for migration in missing:
        await _apply(connection, migration)
    return [migration.name for migration in missing]


def _check_compatible(applied: list[asyncpg.Record], known: list[Migration]) -> None:
    newest_known = max((migration.version for migration in known), default=0)
    needed = max((record["compatible"] for record in applied), default=0)
    if needed > newest_known:
        raise StorageError(
            f"the database has schema {needed}, this version of fedserver knows {newest_known}: "
            "install the newer version again, or restore a backup made before the upgrade"
        )


async def _apply(connection: asyncpg.Connection, migration: Migration) -> None:
    log.info("migrating the database: %s", migration.name)
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (version, name, compatible) VALUES ($1, $2, $3)",
            migration.version,
            migration.name,
            migration.compatible,
        )

"""What a person who looks for a fault wants to know of the database."""

from dataclasses import dataclass
from datetime import datetime

from storage.database import Connection, Database
from storage.migrate import migrations
from storage.query import Value

SERVER_VERSION = Value("SELECT current_setting('server_version_num')::int", int)
SERVER_TIME = Value("SELECT clock_timestamp()", datetime)
HAS_SCHEMA = Value("SELECT to_regclass('schema_migrations') IS NOT NULL", bool)
SCHEMA_VERSION = Value("SELECT coalesce(max(version), 0) FROM schema_migrations", int)


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """`schema` is the newest migration that was applied, `newest_schema` the one we bring."""

    version: int
    time: datetime
    schema: int
    newest_schema: int

    @property
    def major_version(self) -> int:
        return self.version // 10_000


async def look(db: Database) -> DatabaseHealth:
    """Ask the database how it is."""
    async with db.connection() as connection:
        return DatabaseHealth(
            version=await connection.value(SERVER_VERSION) or 0,
            schema=await _schema(connection),
            newest_schema=max((one.version for one in migrations()), default=0),
            # Last: it is compared with the time at which the answer came.
            time=await _time(connection),
        )


async def _schema(connection: Connection) -> int:
    if not await connection.value(HAS_SCHEMA):
        return 0
    return await connection.value(SCHEMA_VERSION) or 0


async def _time(connection: Connection) -> datetime:
    time = await connection.value(SERVER_TIME)
    assert time is not None  # a SELECT without FROM gives one row
    return time

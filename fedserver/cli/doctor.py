"""`fedserver doctor`: looks at everything an instance stands on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from fedserver.app import make_blobs
from fedserver.cli.beside import check_bucket, check_mail
from fedserver.cli.doors import check_doors
from fedserver.cli.findings import Finding
from fedserver.cli.house import (
    check_clock,
    check_database,
    check_disk,
    no_database_yet,
    without_database,
)
from fedserver.cli.mirror_findings import SINCE_SCHEMA, check_mirrors
from fedserver.cli.public_name import check_public_name
from fedserver.cli.shared import run_async
from fedserver.cli.vaulted import check_vault, last_proven
from fedserver.clock import Clock, SystemClock
from fedserver.config import Config
from storage.database import Database, StorageError
from storage.instance_recovery import INSTANCE_RECOVERY
from storage.mirrors import CONTRACTS
from storage.server import EmbeddedPostgres, connect_existing, has_database
from storage.server.health import DatabaseHealth, look


def examine(config: Config) -> int:
    """Print what is found, the findings' order is that of the causes. Gives the exit code."""
    findings = run_async(_findings(config, SystemClock()))
    for finding in findings:
        click.echo(str(finding))
    return 1 if any(finding.state == "fail" for finding in findings) else 0


async def _findings(config: Config, clock: Clock) -> list[Finding]:
    inside, beside, outside, doors = await asyncio.gather(
        _look_at_database(config, clock),
        _look_beside(config),
        check_public_name(config, clock),
        check_doors(config, clock),
    )
    return [*inside, check_disk(config.data.folder), *beside, *outside, *doors]


async def _look_beside(config: Config) -> list[Finding]:
    found = [await check_mail(config)]
    if config.bucket.name:
        found.append(await check_bucket(config, make_blobs(config)))
    return found


async def _look_at_database(config: Config, clock: Clock) -> list[Finding]:
    if not config.database.url and not has_database(config.data.folder):
        return [no_database_yet()]
    try:
        async with _database(config) as db:
            health, proven = await look(db), await last_proven(db)
            mirrors = await _look_at_mirrors(db, health)
    except (StorageError, OSError, ValueError) as error:
        return [without_database(config, error)]
    return [
        check_database(health),
        check_clock("clock", "the database's", health.time, clock),
        *mirrors,
        check_vault(config, proven, clock.now()),
    ]


async def _look_at_mirrors(db: Database, health: DatabaseHealth) -> list[Finding]:
    if not SINCE_SCHEMA <= health.schema <= health.newest_schema:
        return []
    recovery = await db.one(INSTANCE_RECOVERY)
    return check_mirrors(await db.fetch(CONTRACTS), recovery.did if recovery else None)


@asynccontextmanager
async def _database(config: Config) -> AsyncIterator[Database]:
    """Connect to the database in use, or start ours for a moment. Nothing is migrated."""
    url = config.database.url or await connect_existing(config.data.folder)
    if url is not None:
        async with _pool(url) as db:
            yield db
    else:
        async with EmbeddedPostgres(config.data.folder) as dsn, _pool(dsn) as db:
            yield db


@asynccontextmanager
async def _pool(dsn: str) -> AsyncIterator[Database]:
    db = await Database.connect(dsn, pool_min=1, pool_max=1)
    try:
        yield db
    finally:
        await db.close()

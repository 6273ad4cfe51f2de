"""Examinations of this machine: database, clock, disk."""

import shutil
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from fedserver.cli.findings import Finding, fail, ok, warn
from fedserver.clock import Clock
from fedserver.config import Config
from storage.server.health import DatabaseHealth

OLDEST_POSTGRES = 15
# Peers refuse signatures whose date is off by more: Mastodon after 12 h behind, others after
# minutes, and ids are made from the time.
CLOCK_WARN_S = 5.0
CLOCK_FAIL_S = 60.0
DISK_WARN_BYTES = 2 * 1024**3
DISK_FAIL_BYTES = 256 * 1024**2


def no_database_yet() -> Finding:
    """Tell that nothing was started here yet."""
    return warn("database", "not made yet", "`fedserver run` makes it at the first start")


def without_database(config: Config, error: Exception) -> Finding:
    """Tell that there is no database to be had."""
    if not config.database.url:
        return fail("database", str(error), "see the lines above and the log in the data folder")
    host = urlsplit(config.database.url).hostname or "localhost"
    return fail(
        "database", f"on {host}: {error}", "check that PostgreSQL runs there, and [database] url"
    )


def check_database(health: DatabaseHealth) -> Finding:
    """Is PostgreSQL new enough, and the schema the one this version brings?"""
    text = f"PostgreSQL {health.major_version}, schema {health.schema}"
    if health.major_version < OLDEST_POSTGRES:
        return fail("database", text, f"fedserver needs PostgreSQL {OLDEST_POSTGRES} or later")
    if health.schema < health.newest_schema:
        missing = health.newest_schema - health.schema
        return warn(
            "database", f"{text}, {missing} behind", "start fedserver: `fedserver run` migrates it"
        )
    if health.schema > health.newest_schema:
        return warn(
            "database",
            f"{text}, newer than this version ({health.newest_schema})",
            "install the version of fedserver that ran here last",
        )
    return ok("database", text)


def check_clock(subject: str, whose: str, theirs: datetime, clock: Clock) -> Finding:
    """Compare our clock with another one, `whose` it is."""
    off_s = abs((clock.now() - theirs).total_seconds())
    text = f"{off_s:.0f} s from {whose} clock" if off_s >= 1 else f"agrees with {whose} clock"
    advice = "set the clock by the network (systemd-timesyncd, chrony): other servers refuse us"
    if off_s > CLOCK_FAIL_S:
        return fail(subject, text, advice)
    return warn(subject, text, advice) if off_s > CLOCK_WARN_S else ok(subject, text)


def check_disk(data_folder: Path) -> Finding:
    """Is there room for the database and media?"""
    existing = next(one for one in (data_folder, *data_folder.parents) if one.exists())
    free = shutil.disk_usage(existing).free
    text = f"{free / 1024**3:.1f} GiB free in {data_folder}"
    advice = "make room, or move the data folder to a larger disk: a full disk stops PostgreSQL"
    if free < DISK_FAIL_BYTES:
        return fail("disk", text, advice)
    return warn("disk", text, advice) if free < DISK_WARN_BYTES else ok("disk", text)

"""The examination of the vault: are there copies elsewhere, and was a restore proven?"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from fedserver.cli.findings import Finding, fail, ok, warn
from fedserver.config import Config
from fedserver.survival.vault.keys import vault_folder
from fedserver.survival.vault.status import VaultStatus, read_status
from fedserver.survival.vault.targets import FOLDER
from storage.database import Database
from storage.query import Value
from storage.vault import LAST_PROVEN

DRILL_EVERY: Final = timedelta(days=35)
SILENT_FOR: Final = timedelta(minutes=2)
_HAS_DRILLS: Final = Value("SELECT to_regclass('vault_drills') IS NOT NULL", bool)


async def last_proven(db: Database) -> datetime | None:
    """Give when a restore was last proven, as far as the database knows drills."""
    if not await db.value(_HAS_DRILLS):
        return None
    return await db.value(LAST_PROVEN)


def check_vault(config: Config, proven: datetime | None, now: datetime) -> Finding:
    """Does every target get what it should, is one elsewhere, and was it tried out?"""
    if not config.vault.targets:
        return warn(
            "vault", "there are no copies elsewhere", "name targets in [vault]: docs/survival.md"
        )
    status = read_status(vault_folder(config.data.folder))
    return _trouble(config, status, now) or _drilled(status, proven, now)


def _trouble(config: Config, status: VaultStatus | None, now: datetime) -> Finding | None:
    if status is None or now - status.at > SILENT_FOR:
        return warn("vault", "it has said nothing lately", "it works while `fedserver run` does")
    if status.problem:
        return fail("vault", status.problem, "nothing is shipped: docs/survival.md")
    for one in status.targets:
        if one.error:
            return fail("vault", f"{one.label} fails: {one.error}", "see `fedserver vault status`")
    if status.chain is None or status.chain.base_at is None:
        return warn("vault", "there is no base yet", "wait, or look at the log")
    if all(_is_near(config, label) for label in config.vault.targets):
        return warn(
            "vault",
            "every target is on the disk of the data folder",
            "add one with another provider: a bucket, or mirror:https://host",
        )
    return None


def _is_near(config: Config, label: str) -> bool:
    if not label.startswith(FOLDER):
        return False
    folder = Path(label.removeprefix(FOLDER))
    return folder.exists() and folder.stat().st_dev == config.data.folder.stat().st_dev


def _drilled(status: VaultStatus | None, proven: datetime | None, now: datetime) -> Finding:
    targets = len(status.targets) if status else 0
    text = f"{targets} target{'s' * (targets != 1)} up to date"
    advice = "`fedserver vault drill` restores the copies beside this instance and compares"
    if proven is None:
        return warn("vault", f"{text}, but no restore was ever proven", advice)
    days = (now - proven).days
    if now - proven > DRILL_EVERY:
        return warn("vault", f"{text}; the last proven restore is {days} days ago", advice)
    return ok("vault", f"{text}, a restore was proven {days} days ago")

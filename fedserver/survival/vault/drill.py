"""Restoring the newest state into a scratch place, comparing it with the living instance, and
rehearsing an evacuation with it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec

from fedserver.config import DatabaseConfig, DataConfig
from fedserver.context import Context
from fedserver.recovery.sealing import CannotOpen
from fedserver.survival.evacuation.rehearsing import rehearse
from fedserver.survival.vault.command import find_newest, restore_files_and_database
from fedserver.survival.vault.keys import vault_folder
from fedserver.survival.vault.media import media_key, open_blob, place_of
from fedserver.survival.vault.reading import CannotRestore, Chest, Opener, Progress, copies_in
from fedserver.survival.vault.targets import Target, targets_of
from storage import vault_drill
from storage.database import Database
from storage.server import EmbeddedPostgres
from storage.vault import INSERT_DRILL, MEDIA_OF_VAULT
from storage.vault_places import PlaceUnavailable

_ROWS: Final = 1_000
_FILES: Final = 1_000


class DrillReport(msgspec.Struct, kw_only=True):
    """What a drill compared, and how many accounts were moved in it. `problem` is empty where all
    was there."""

    problem: str = ""
    until: str = ""
    tables: int = 0
    rows: int = 0
    compared: int = 0
    files: int = 0
    accounts: int = 0
    seconds: float = 0.0

    @property
    def proven(self) -> bool:
        return not self.problem


@dataclass(frozen=True, slots=True)
class _Before:
    """The living database before everything was shipped."""

    counts: dict[str, int]
    samples: dict[str, list[str]]


async def look_before(ctx: Context) -> _Before:
    """Count and draw a sample; whoever calls then has everything shipped, and calls `drill`."""
    names = await vault_drill.tables(ctx.db)
    counts = {one: await vault_drill.count(ctx.db, one) for one in names}
    share = _ROWS / max(1, sum(counts.values()))
    samples = {
        one: await vault_drill.sample(ctx.db, one, 1 + int(number * share))
        for one, number in counts.items()
        if number
    }
    return _Before(counts, samples)


async def drill(ctx: Context, before: _Before, opener: Opener, say: Progress) -> DrillReport:
    """Restore from the targets, compare, and note what came of it."""
    report, began_s = DrillReport(), ctx.clock.monotonic()
    try:
        async with _restored(ctx, opener, report, say) as restored:
            report.seconds = round(ctx.clock.monotonic() - began_s, 1)
            say(f"restored in {report.seconds} s; comparing")
            report.problem = report.problem or await _compare(ctx.db, restored, before, report)
            report.problem = report.problem or await _evacuate(ctx, restored, report)
        report.problem = report.problem or await _compare_files(ctx, opener, report)
    except CannotRestore as error:
        report.problem = str(error)
    noted: dict[str, Any] = msgspec.to_builtins(report)
    await ctx.db.execute(INSERT_DRILL, ctx.ids.new(), ctx.clock.now(), report.proven, noted)
    return report


@asynccontextmanager
async def _restored(
    ctx: Context, opener: Opener, report: DrillReport, say: Progress
) -> AsyncIterator[Database]:
    scratch = vault_folder(ctx.config.data.folder) / "drill"
    await asyncio.to_thread(_make_scratch, scratch)
    try:
        chest = Chest(targets_of(ctx), opener, copies_in(scratch / "copies"))
        await chest.look()
        newest = await find_newest(chest, say)
        report.until = f"{newest.until:%F %T}"
        report.problem = newest.plan.problem if newest.plan else ""
        alone = replace(
            ctx.config, database=DatabaseConfig(), data=DataConfig(folder=scratch / "data")
        )
        await restore_files_and_database(alone, newest, say)
        async with EmbeddedPostgres(scratch / "data", max_connections=10) as dsn:
            db = await Database.connect(dsn, pool_max=2)
            try:
                yield db
            finally:
                await db.close()
    finally:
        await asyncio.to_thread(shutil.rmtree, scratch)


def _make_scratch(scratch: Path) -> None:
    if scratch.exists():
        shutil.rmtree(scratch)
    # PostgreSQL's user passes through, as through the data folder.
    scratch.parent.chmod(0o711)
    scratch.mkdir(mode=0o711)


async def _compare(
    living: Database, restored: Database, before: _Before, report: DrillReport
) -> str:
    """Give what is wrong, or nothing. What changed in the meantime is asked for again."""
    for table, then in before.counts.items():
        here, now = await vault_drill.count(restored, table), await vault_drill.count(living, table)
        if not min(then, now) <= here <= max(then, now):
            return f"{table} has {here} rows instead of {then}"
        report.tables, report.rows = report.tables + 1, report.rows + here
        drawn = before.samples.get(table, [])
        lost = await vault_drill.missing(restored, table, drawn)
        changed = await vault_drill.missing(living, table, lost) if lost else []
        if really := set(lost) - set(changed):
            return f"{len(really)} of {len(drawn)} rows of {table} are not as they were"
        report.compared += len(drawn)
    return ""


async def _evacuate(ctx: Context, restored: Database, report: DrillReport) -> str:
    """Move people to another domain with what was restored, and take it back. Gives what a peer
    would not take, or nothing."""
    # A name that nobody can have (RFC 6761), and of one's own machine for an instance there.
    domain = f"rehearsal.{'localhost' if ctx.config.is_local else 'invalid'}"
    rehearsal = await rehearse(replace(ctx, db=restored), ctx.config.base_url, domain)
    report.accounts = rehearsal.accounts
    for reason, times in rehearsal.reasons.most_common(1):
        return f"an evacuation would fail: {times} times {reason}"
    return ""


async def _compare_files(ctx: Context, opener: Opener, report: DrillReport) -> str:
    names, targets = (await ctx.db.values(MEDIA_OF_VAULT))[:_FILES], targets_of(ctx)
    for name in names:
        if not await _is_kept(targets, place_of(media_key(ctx), name), name, opener):
            return f"the file {name} is at no target"
        report.files += 1
    return ""


async def _is_kept(targets: list[Target], place: str, name: str, opener: Opener) -> bool:
    for target in targets:
        try:
            sealed = await target.place.get(place)
            found, _ = await asyncio.to_thread(open_blob, sealed, opener.identity)
        except (FileNotFoundError, PlaceUnavailable, CannotOpen):
            continue
        if found == name:
            return True
    return False


async def verify(ctx: Context, opener: Opener, say: Progress) -> bool:
    """Check every target by itself: hashes, signatures and links, up to its newest entry."""
    right = True
    scratch = vault_folder(ctx.config.data.folder) / "verify"
    for target in targets_of(ctx):
        try:
            chest = Chest([target], opener, copies_in(scratch))
            await chest.look()
            plan = await chest.newest_plan(say)
        except CannotRestore as error:
            say(f"{target.label}: {error}")
            right = False
            continue
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
        until, but = plan.manifests[plan.end].at, f"; {plan.problem}" if plan.problem else ""
        say(f"{target.label}: can be restored up to {until:%F %T} UTC{but}")
        right = right and not plan.problem
    return right

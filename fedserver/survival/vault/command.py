"""What `fedserver vault restore` does, step by step; each can be interrupted and done again."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from fedserver.clock import Clock
from fedserver.config import Config
from fedserver.context import Context
from fedserver.survival.vault.entries import DUMP_END, MINIMUM_END
from fedserver.survival.vault.instance_files import InstanceFiles, write_files
from fedserver.survival.vault.media import MediaFound, bring_back, media_key
from fedserver.survival.vault.minimum import import_minimum
from fedserver.survival.vault.reading import (
    CannotRestore,
    Chest,
    Opener,
    Parts,
    Plan,
    Progress,
    copies_in,
)
from fedserver.survival.vault.restoring import Source, restore_database, restore_dump
from fedserver.survival.vault.returning import FIRST_STAGE
from fedserver.survival.vault.targets import Target
from storage.blobs import BlobStore
from storage.conditions import BEGIN_RESTORE
from storage.server import has_database
from storage.vault import BEGIN_RETURN, END_RETURNS, HOLD_LANES, MEDIA_OF_VAULT, RENEW_KITS

_CLOCK_MAY_LAG: Final = timedelta(minutes=5)
_HELD_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Workplace:
    """Where a restore keeps its things in the data folder, until all is done."""

    data_folder: Path

    @property
    def folder(self) -> Path:
        return self.data_folder / "restoring"

    @property
    def settings(self) -> Path:
        """The settings. They are written just before the database gets its name: when both are
        there, it is the restored one, and complete."""
        return self.folder / "settings.toml"

    @property
    def media(self) -> Path:
        """Which files are to come; written when all else is done, and the server may run."""
        return self.folder / "media.json"

    @property
    def has_database(self) -> bool:
        """Whether the database is there, and restored."""
        return has_database(self.data_folder) and self.settings.exists()

    def check_empty(self) -> None:
        """Raise CannotRestore where something is that a restore would overwrite."""
        begun = self.folder.is_dir()
        taken = has_database(self.data_folder) and not self.settings.exists()
        if taken or (not begun and (self.data_folder / "instance.key").exists()):
            raise CannotRestore(
                f"The data folder {self.data_folder} is not empty, and nothing is overwritten."
                " Restore into an empty one, or move this one away first."
            )


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest that can be restored: a plan with the log, or a dump."""

    chest: Chest
    plan: Plan | None
    dump: Parts | None
    instance: str
    until: datetime


async def look(config: Config, targets: Sequence[Target], opener: Opener, say: Progress) -> Chest:
    """Look what is there. Raises CannotRestore, with what to do."""
    place = Workplace(config.data.folder)
    place.check_empty()
    chest = Chest(targets, opener, copies_in(place.folder / "copies"))
    await chest.look()
    for problem in chest.unreachable:
        say(f"not reached: {problem}")
    return chest


async def find_newest(chest: Chest, say: Progress) -> Newest:
    """Fetch and check the newest that can be restored. Raises CannotRestore, with what to do."""
    if chest.has_dumps:
        dump = await chest.newest_parts(DUMP_END, say)
        about, until, text = dump.end.about, dump.end.at, f"dumped at {dump.end.at:%F %T} UTC"
        found = Newest(chest, None, dump, about["instance"], until)
    else:
        plan = await chest.newest_plan(say)
        until, text = plan.manifests[plan.end].at, _until(plan)
        found = Newest(chest, plan, None, plan.base_end.about["instance"], until)
    say(f"this is the vault of {found.instance}, {text}")
    return found


def check_domain(config: Config, theirs: str) -> None:
    """Raise CannotRestore where the configuration is of another domain."""
    if config.base_url != theirs:
        raise CannotRestore(
            f"This is the vault of {theirs}, and the configuration says {config.base_url}. Set"
            " domain in [instance] to the old one; if that name is lost: `fedserver evacuate`."
        )


def check_clock(newest: datetime, clock: Clock) -> None:
    """Raise CannotRestore where this machine's clock is behind that of the lost one."""
    if clock.now() < newest - _CLOCK_MAY_LAG:
        raise CannotRestore(
            f"This machine's clock says {clock.now():%F %T}, but the newest entry was written at"
            f" {newest:%F %T} (UTC). New ids would be older than what is there. Set the clock, or"
            " say --any-clock if the lost machine's was wrong."
        )


def _until(plan: Plan) -> str:
    text = f"up to {plan.manifests[plan.end].at:%F %T} UTC"
    if plan.problem:
        missing = plan.newest - plan.end
        text += (
            f". THE NEWEST {missing} OF ITS ENTRIES CANNOT BE USED: {plan.problem}. What was"
            " written after that time is lost"
        )
    return text


async def restore_here(config: Config, newest: Newest, say: Progress) -> str:
    """Put database, key and settings into the data folder; gives the settings."""
    place = Workplace(config.data.folder)
    if not place.has_database:
        await restore_files_and_database(config, newest, say)
    return place.settings.read_text("utf-8")


async def restore_files_and_database(config: Config, newest: Newest, say: Progress) -> None:
    """Put database and instance key into the data folder, and note the settings."""
    place = Workplace(config.data.folder)

    def note(files: InstanceFiles) -> None:
        place.folder.mkdir(mode=0o700, exist_ok=True)
        place.settings.touch(mode=0o600)
        place.settings.write_text(files.config)

    if newest.plan is not None:
        await restore_database(newest.chest, newest.plan, config.data.folder, say, note)
    else:
        assert newest.dump is not None  # the one or the other
        await restore_dump(newest.chest, newest.dump, config, say, note)


async def restore_minimum_files(
    config: Config, targets: Sequence[Target], opener: Opener, say: Progress
) -> tuple[list[bytes], str]:
    """Find the newest minimum, put the instance key into an empty data folder, and give the pieces
    of the minimum and the settings. Raises CannotRestore."""
    chest = await look(config, targets, opener, say)
    found = await chest.newest_parts(MINIMUM_END, say)
    say(f"the minimum of {found.end.about['instance']}, made at {found.end.at:%F %T} UTC")
    source = Source(chest)
    text = await asyncio.to_thread(source.content, found.files)
    files = await asyncio.to_thread(write_files, text, config.data.folder)
    pieces = await asyncio.to_thread(lambda: list(source.contents(found.parts)))
    return pieces, files.config


async def fill_with_minimum(ctx: Context, pieces: Sequence[bytes]) -> dict[str, int]:
    """Put a minimum into the database of a new instance, and begin the way back."""
    counts: dict[str, int] = {}
    for piece in pieces:
        for table, number in (await import_minimum(ctx, piece)).items():
            counts[table] = counts.get(table, 0) + number
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.execute(BEGIN_RESTORE, now)
        await tx.execute(END_RETURNS, now)
        await tx.execute(BEGIN_RETURN, ctx.ids.new(), now, now, FIRST_STAGE)
    return counts


class MediaList(msgspec.Struct, frozen=True):
    """The files that belong to a restored database, and the key of their names at the targets."""

    names: list[str]
    key: bytes


def waiting_media(config: Config) -> MediaList | None:
    """Give what is still to come where all else was restored before."""
    try:
        return msgspec.json.decode(Workplace(config.data.folder).media.read_bytes(), type=MediaList)
    except FileNotFoundError:
        return None


async def mark_restored(ctx: Context, known_until: datetime) -> MediaList:
    """Begin the way back: nothing that compares lists, nothing that goes out, before its stage."""
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.execute(BEGIN_RESTORE, now)
        await tx.execute(END_RETURNS, now)
        await tx.execute(BEGIN_RETURN, ctx.ids.new(), now, known_until, FIRST_STAGE)
        await tx.execute(HOLD_LANES, now + _HELD_FOR)
        await tx.execute(RENEW_KITS, now)
        media = MediaList(await tx.values(MEDIA_OF_VAULT), media_key(ctx))
    note = Workplace(ctx.config.data.folder).media
    await asyncio.to_thread(note.touch, mode=0o600)
    await asyncio.to_thread(note.write_bytes, msgspec.json.encode(media))
    return media


async def restore_media(
    blobs: BlobStore, media: MediaList, chest: Chest, say: Progress
) -> MediaFound:
    """Bring the files that are not there yet."""
    opened = chest.opener.identity
    return await bring_back(blobs, media.names, chest.targets, opened, media.key, say)


def clear_away(config: Config) -> None:
    """Remove what was fetched, when all is done."""
    shutil.rmtree(Workplace(config.data.folder).folder)

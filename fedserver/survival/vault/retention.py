"""What may go: entries older than the oldest base that is kept, and files that nothing names."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from fedserver.context import Context
from fedserver.survival.vault.entries import (
    BASE_END,
    DUMP_END,
    LOG,
    Damaged,
    Name,
    read_entry,
    read_name,
)
from fedserver.survival.vault.media import forget
from fedserver.survival.vault.targets import Target
from storage.vault import MEDIA_TO_FORGET, NOTE_LEFT_MEDIA
from storage.vault_places import PlaceUnavailable

log = logging.getLogger(__name__)

# The base before the newest stays however old it is: the newest may turn out to be damaged.
_BASES_KEPT: Final = 2


async def forget_old(ctx: Context, targets: Sequence[Target], chain: str) -> int:
    """Remove at every target what is older than [vault] keep_days; gives how many entries went."""
    now = ctx.clock.now()
    before, gone = now - timedelta(days=ctx.config.vault.keep_days), 0
    for target in targets:
        try:
            gone += await forget_entries(target, before, chain)
        except PlaceUnavailable as error:
            log.warning("vault: %s is not tidied up: %s", target.label, error)
    await ctx.db.execute(NOTE_LEFT_MEDIA, now)
    names = await ctx.db.values(MEDIA_TO_FORGET, before)
    try:
        await forget(ctx, targets, names)
    except PlaceUnavailable as error:
        log.warning("vault: files are not tidied up: %s", error)
    return gone


async def forget_entries(target: Target, before: datetime, chain: str) -> int:
    names = sorted(filter(None, map(read_name, await target.place.list(f"{LOG}/"))))
    first = await _first_to_keep(target, names, before, chain)
    old = [name for name in names if first is not None and name < first]
    for name in old:
        await target.place.delete(str(name))
    return len(old)


async def _first_to_keep(
    target: Target, names: Sequence[Name], before: datetime, chain: str
) -> Name | None:
    """Give where to begin: a base that is old enough for everything before it to be too old, and
    at least the second newest."""
    ends = [one for one in names if one.kind in (BASE_END, DUMP_END)]
    if len([one for one in ends if one.chain == chain]) == 0:
        return None  # the new chain cannot be restored from yet
    for end in reversed(ends[: len(ends) - _BASES_KEPT + 1]):
        entry = await _read(target, end)
        if entry is not None and entry[0] < before:
            return Name(end.chain, entry[1], "")
    return None


async def _read(target: Target, name: Name) -> tuple[datetime, int] | None:
    """Give when a base was complete, and the number of the first entry that it needs."""
    try:
        manifest = read_entry(await target.place.get(str(name))).manifest
    except (FileNotFoundError, Damaged):
        return None
    parts = manifest.about["parts"]
    return manifest.at, manifest.about.get("needs", manifest.sequence - 2 * parts - 2)

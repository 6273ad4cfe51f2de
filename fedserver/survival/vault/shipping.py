"""Bringing entries from the spool to every target. One that is full or away holds up no other."""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from typing import Final

import msgspec

from fedserver.clock import Clock
from fedserver.survival.vault.entries import LOG, read_name
from fedserver.survival.vault.targets import Target
from storage.vault_places import FolderPlace, PlaceUnavailable

log = logging.getLogger(__name__)

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0


class TargetState(msgspec.Struct, kw_only=True):
    """What is known of a target. `position`: it has every entry up to this number."""

    label: str
    position: int = -1
    missing: int = 0
    shipped_at: datetime | None = None
    error: str = ""
    failing_since: datetime | None = None


class Shipping:
    """Ships what `add` is told of. Entries leave the spool when every target has them, or, where
    the spool is too large, when one target has them: the others get them from that one later."""

    def __init__(
        self, spool: FolderPlace, targets: list[Target], clock: Clock, spool_bytes: int
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._spool_bytes = spool_bytes
        self._waiting: dict[str, int] = {}
        self._lanes = [_Lane(one) for one in targets]
        self._changed = asyncio.Condition()

    @property
    def states(self) -> list[TargetState]:
        """How every target is."""
        return [lane.state for lane in self._lanes]

    async def add(self, name: str, size: int) -> None:
        """Take note of an entry that lies in the spool."""
        async with self._changed:
            self._waiting[name] = size
            for lane in self._lanes:
                lane.expect(name)
            self._changed.notify_all()

    async def room(self) -> None:
        """Wait until the spool may grow."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.waiting_bytes < self._spool_bytes)

    async def shipped(self, name: str) -> None:
        """Wait until one target has the entry, and all before it."""
        async with self._changed:
            await self._changed.wait_for(lambda: any(lane.has_up_to(name) for lane in self._lanes))

    async def settled(self) -> None:
        """Wait until every target that works has everything."""
        async with self._changed:
            await self._changed.wait_for(
                lambda: all(not lane.missing or lane.state.error for lane in self._lanes)
            )

    @property
    def waiting_bytes(self) -> int:
        """What lies in the spool."""
        return sum(self._waiting.values())

    async def run(self, chain: str) -> None:
        """Ship to every target until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes:
                tasks.create_task(self._run_lane(lane, chain), name=f"vault to {lane.label}")

    async def _run_lane(self, lane: "_Lane", chain: str) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._compare(lane, chain)
                while True:
                    async with self._changed:
                        await self._changed.wait_for(lambda: lane.missing)
                    await self._ship(lane)
                    pause_s = _FIRST_PAUSE_S
            except PlaceUnavailable as error:
                await self._note_failure(lane, str(error))
                await asyncio.sleep(pause_s)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)

    async def _compare(self, lane: "_Lane", chain: str) -> None:
        """See what the target has, and what it lacks that others have."""
        prefix = f"{LOG}/{chain}/"
        lane.names = set(await lane.target.place.list(prefix))
        elsewhere = {name for other in self._lanes for name in other.names}
        async with self._changed:
            lane.missing = (elsewhere | self._waiting.keys()) - lane.names
            lane.note(self._clock.now())
            self._changed.notify_all()

    async def _ship(self, lane: "_Lane") -> None:
        for name in sorted(lane.missing):
            await lane.target.place.put(name, await self._content(name, lane))
            async with self._changed:
                lane.arrived(name)
                lane.note(self._clock.now())
                self._changed.notify_all()
            await self._tidy()

    async def _content(self, name: str, lane: "_Lane") -> bytes:
        if name in self._waiting:
            with suppress(FileNotFoundError):  # another lane was the last to need it there
                return await self._spool.get(name)
        for other in self._lanes:
            if other is not lane and name in other.names:
                with suppress(FileNotFoundError):
                    return await other.target.place.get(name)
        raise PlaceUnavailable(f"{name} is nowhere any more")

    async def _tidy(self) -> None:
        """Remove from the spool what need not wait there any more, the oldest first."""
        for name in sorted(self._waiting):
            having = sum(name in lane.names for lane in self._lanes)
            too_large = self.waiting_bytes > self._spool_bytes // 2
            if having < len(self._lanes) and not (having and too_large):
                continue
            await self._spool.delete(name)
            async with self._changed:
                self._waiting.pop(name, None)
                self._changed.notify_all()

    async def _note_failure(self, lane: "_Lane", error: str) -> None:
        async with self._changed:
            if not lane.state.error:
                log.warning("vault: %s does not take what it should: %s", lane.label, error)
                lane.state.failing_since = self._clock.now()
            lane.state.error = error
            self._changed.notify_all()


class _Lane:
    """One target, what it has and what it lacks."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.label = target.label
        self.names: set[str] = set()
        self.missing: set[str] = set()
        self.state = TargetState(label=target.label)
        self._newest = ""

    def expect(self, name: str) -> None:
        self.missing.add(name)
        self.state.missing = len(self.missing)

    def arrived(self, name: str) -> None:
        self.names.add(name)
        self.missing.discard(name)

    def note(self, now: datetime) -> None:
        self._newest = max(self.names, default="")
        self.state.position = self._position()
        self.state.missing = len(self.missing)
        self.state.shipped_at = now
        self.state.error, self.state.failing_since = "", None

    def has_up_to(self, name: str) -> bool:
        return name in self.names and not any(one <= name for one in self.missing)

    def _position(self) -> int:
        first_missing = read_name(min(self.missing)) if self.missing else None
        if first_missing is not None:
            return first_missing.sequence - 1
        newest = read_name(self._newest)
        return newest.sequence if newest else -1

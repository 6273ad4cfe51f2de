"""What goes into a chain beside the log: bases, the instance's files, the logical minimum."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from hashlib import sha256
from secrets import token_hex
from typing import Any, Final

from fedserver import __version__
from fedserver.context import Context
from fedserver.services.instance_recovery import current_recovery
from fedserver.survival.vault import entries
from fedserver.survival.vault.chain import Chain, ChainState, Keys
from fedserver.survival.vault.entries import name_of
from fedserver.survival.vault.instance_files import read_files
from fedserver.survival.vault.minimum import minimum_parts
from fedserver.survival.vault.shipping import Shipping
from storage.server.base_backup import BackupFailed, BaseBackup
from storage.server.dumps import DumpFailed, dump

log = logging.getLogger(__name__)

BASE_PART_BYTES: Final = 8 * 1024 * 1024
_MINIMUM_EVERY: Final = timedelta(days=1)


class Contents:
    """Writes entries, and tells the shipping of them."""

    def __init__(
        self, ctx: Context, dsn: str, chain: Chain, keys: Keys, shipping: Shipping
    ) -> None:
        self._ctx = ctx
        self._dsn = dsn
        self._chain = chain
        self._keys = keys
        self._shipping = shipping
        self._based = asyncio.Event()

    async def append(self, kind: str, about: dict[str, Any], plain: bytes) -> str:
        """Write an entry as soon as there is room in the spool; gives its name."""
        await self._shipping.room()
        sequence, size = await self._chain.append(kind, about, plain, self._keys)
        name = name_of(self._chain.current.chain, sequence, kind)
        await self._shipping.add(name, size)
        return name

    async def has_base(self) -> ChainState:
        """Wait until the chain has a complete base."""
        if self._chain.current.base_at is None:
            await self._based.wait()
        return self._chain.current

    async def keep(self, *, base: bool) -> None:
        """Write what is due; a base and a minimum also when they are not."""
        now, state = self._ctx.clock.now(), self._chain.current
        files = await read_files(self._ctx.config)
        if sha256(files).hexdigest() != state.files_digest:
            await self._append_files()
        every, append = self._whole_database()
        if base or state.base_at is None or now - state.base_at > every:
            await append()
        if base or state.minimum_at is None or now - state.minimum_at > _MINIMUM_EVERY:
            await self._append_minimum()

    def _whole_database(self) -> tuple[timedelta, Callable[[], Awaitable[None]]]:
        """Give how all of the database is copied, and how often."""
        vault = self._ctx.config.vault
        if self._ctx.config.database.url:
            return timedelta(minutes=vault.dump_minutes), self._append_dump
        return timedelta(days=vault.base_days), self._append_base

    async def _append_files(self) -> None:
        files = await read_files(self._ctx.config)
        await self.append(entries.FILES, {"digest": sha256(files).hexdigest()}, files)

    async def _append_base(self) -> None:
        base, part, needs = token_hex(8), 0, self._chain.current.segment_sequence
        backup = BaseBackup(self._dsn, BASE_PART_BYTES)
        try:
            async for piece in backup.pieces():
                await self.append(entries.BASE, {"base": base, "part": part}, piece)
                part += 1
        except BackupFailed as error:
            log.warning("vault: %s", error)
            return
        await self._append_files()
        about = {"base": base, "parts": part, "start": backup.start, "end": backup.end}
        about |= {"timeline": self._chain.current.timeline, "needs": needs}
        await self.append(entries.BASE_END, about | await origin(self._ctx, self._keys), b"")
        self._based.set()

    async def _append_dump(self) -> None:
        set_id, part = token_hex(8), 0
        try:
            async for piece in dump(self._dsn, BASE_PART_BYTES):
                await self.append(entries.DUMP, {"set": set_id, "part": part}, piece)
                part += 1
        except DumpFailed as error:
            log.warning("vault: %s", error)
            return
        await self._append_files()
        about = {"set": set_id, "parts": part} | await origin(self._ctx, self._keys)
        await self.append(entries.DUMP_END, about, b"")

    async def _append_minimum(self) -> None:
        set_id, part = token_hex(8), 0
        async for text in minimum_parts(self._ctx):
            await self.append(entries.MINIMUM, {"set": set_id, "part": part}, text)
            part += 1
        about = {"set": set_id, "parts": part} | await origin(self._ctx, self._keys)
        await self.append(entries.MINIMUM_END, about, b"")


async def origin(ctx: Context, keys: Keys) -> dict[str, Any]:
    """Give whose this is, and what the recovery key says to it."""
    recovery = await current_recovery(ctx)
    return {
        "instance": ctx.config.base_url,
        "software": __version__,
        "key": keys.did,
        "authorization": recovery.authorization_statement if recovery else None,
    }

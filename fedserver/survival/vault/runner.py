"""The vault at work in a running server: the log is received, cut, sealed and shipped."""

import asyncio
import logging
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

import pyrage

from activitypub.keys import did_key
from fedserver import __version__
from fedserver.context import Context
from fedserver.recovery import bech32
from fedserver.services.instance_recovery import current_recovery, statement_key
from fedserver.survival.vault import entries
from fedserver.survival.vault.chain import Chain, ChainState, Keys
from fedserver.survival.vault.entries import LOG, name_of, read_name
from fedserver.survival.vault.instance_files import read_files
from fedserver.survival.vault.receiving import Received
from fedserver.survival.vault.shipping import Shipping
from fedserver.survival.vault.targets import check_targets, targets_of
from storage.server import connect_existing
from storage.server.base_backup import BackupFailed, BaseBackup
from storage.server.wal_stream import (
    StreamLost,
    System,
    WalGone,
    WalStream,
    open_wal_stream,
    segment_start,
)
from storage.vault_places import PlaceUnavailable

log = logging.getLogger(__name__)

BASE_PART_BYTES: Final = 8 * 1024 * 1024
_REPORT_EVERY_S: Final = 10.0
_AGAIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 60.0


def vault_folder(ctx: Context) -> Path:
    """Give where the vault keeps what is on its way."""
    return ctx.config.data.folder / "vault"


def own_identity(ctx: Context) -> pyrage.x25519.Identity:
    """Give the key with which this server opens its own copies."""
    text = bech32.encode("age-secret-key-", ctx.secrets.derived("vault opening"))
    return pyrage.x25519.Identity.from_str(text.upper())


async def vault_keys(ctx: Context) -> Keys | None:
    """Give who signs and to whom is sealed; None where nobody could open anything."""
    recovery = await current_recovery(ctx)
    recipients = list(ctx.config.vault.recipients)
    if recovery is not None:
        recipients.append(recovery.recipient)
    if not recipients:
        return None
    if ctx.config.vault.open_with_instance_key:
        recipients.append(str(own_identity(ctx).to_public()))
    signing = await statement_key(ctx)
    return Keys(signing, did_key(signing.public_key()), tuple(sorted(recipients)))


class Runner:
    """One run of the vault: from the connection to the database until it is lost."""

    def __init__(self, ctx: Context, dsn: str, keys: Keys) -> None:
        self._ctx = ctx
        self._dsn = dsn
        self._keys = keys
        self._settings = ctx.config.vault
        self._chain = Chain(vault_folder(ctx), ctx.clock)
        self._shipping = Shipping(
            self._chain.spool, targets_of(ctx), ctx.clock, self._settings.spool_bytes
        )
        self._base_wanted = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled. Raises StreamLost, WalGone."""
        await self._chain.load()
        async with open_wal_stream(self._dsn) as stream:
            position = await self._place_to_start(stream)
            current = self._state()
            received = Received(position, self._settings.chunk_bytes)
            await stream.start(position, current.timeline)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(received.fill(stream), name="vault receives")
                tasks.create_task(self._cut(received, stream), name="vault cuts")
                tasks.create_task(self._report(received, stream), name="vault reports")
                tasks.create_task(self._shipping.run(current.chain), name="vault ships")
                tasks.create_task(self._keep_base(), name="vault's base")

    def _state(self) -> ChainState:
        found = self._chain.state
        assert found is not None  # a chain was begun or found before
        return found

    async def _place_to_start(self, stream: WalStream) -> int:
        """Go on where the chain ends; where that is not possible, begin a new one."""
        system, slot = await stream.identify(), await stream.slot_position()
        known = self._chain.state
        goes_on = known is not None and slot is not None and self._goes_on(known, system)
        if known and goes_on and (slot or 0) <= known.wal_end <= system.position:
            await self._take_over_spool()
            return known.wal_end
        return await self._begin(stream, system)

    def _goes_on(self, known: ChainState, system: System) -> bool:
        return (known.system, known.timeline, known.signer, tuple(known.recipients)) == (
            *(system.identifier, system.timeline, self._keys.did, self._keys.recipients),
        )

    async def _take_over_spool(self) -> None:
        for name in await self._chain.spool.list(LOG):
            await self._shipping.add(name, len(await self._chain.spool.get(name)))

    async def _begin(self, stream: WalStream, system: System) -> int:
        start = segment_start(await stream.make_slot())
        former = self._chain.state
        number = 1 + max(await self._highest_elsewhere(), _number(former))
        about = await self._origin()
        about |= {"system": system.identifier, "former": former.digest if former else None}
        begun = ChainState(
            chain="", system=system.identifier, timeline=system.timeline, wal_end=start
        )
        await self._chain.begin(number, self._keys, about, begun)
        await self._take_over_spool()
        log.info("vault: a new chain begins, %s", begun.chain)
        return start

    async def _origin(self) -> dict[str, Any]:
        """Whose this is, and what the recovery key says to it."""
        recovery = await current_recovery(self._ctx)
        return {
            "instance": self._ctx.config.base_url,
            "software": __version__,
            "key": self._keys.did,
            "authorization": recovery.authorization_statement if recovery else None,
        }

    async def _highest_elsewhere(self) -> int:
        """Numbers rise, also where the data folder knows nothing of those before."""
        highest = 0
        for target in targets_of(self._ctx):
            try:
                names = await target.place.list(f"{LOG}/")
            except PlaceUnavailable:
                continue
            found = [one for one in map(read_name, names) if one is not None]
            highest = max([highest, *(int(one.chain.partition("-")[0]) for one in found)])
        return highest

    async def _append(self, kind: str, about: dict[str, Any], plain: bytes) -> str:
        await self._shipping.room()
        sequence = await self._chain.append(kind, about, plain, self._keys)
        name = name_of(self._state().chain, sequence, kind)
        await self._shipping.add(name, len(plain))
        return name

    async def _cut(self, received: Received, stream: WalStream) -> None:
        synchronous = self._settings.synchronous
        while True:
            piece = await received.chunk(0 if synchronous else self._settings.chunk_s)
            about = {"start": piece.start, "end": piece.end, "timeline": self._state().timeline}
            name = await self._append(entries.WAL, about, piece.data)
            if synchronous:
                await self._shipping.shipped(name)
            received.flushed = piece.end
            await stream.confirm(piece.end)

    async def _report(self, received: Received, stream: WalStream) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            await stream.confirm(received.flushed)

    async def _keep_base(self) -> None:
        """See to it that there are the files, and a base that is not too old."""
        while True:
            await self._keep_files()
            if self._base_is_due():
                self._base_wanted.clear()
                await self._make_base()
            try:
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._base_wanted.wait()
            except TimeoutError:
                continue

    def _base_is_due(self) -> bool:
        made = self._state().base_at
        age = timedelta(days=self._settings.base_days)
        return made is None or self._base_wanted.is_set() or self._ctx.clock.now() - made > age

    async def _keep_files(self) -> None:
        files = await read_files(self._ctx.config)
        if sha256(files).hexdigest() != self._state().files_digest:
            await self._append_files()

    async def _append_files(self) -> None:
        files = await read_files(self._ctx.config)
        await self._append(entries.FILES, {"digest": sha256(files).hexdigest()}, files)

    async def _make_base(self) -> None:
        base, part = token_hex(8), 0
        backup = BaseBackup(self._dsn, BASE_PART_BYTES)
        try:
            async for piece in backup.pieces():
                await self._append(entries.BASE, {"base": base, "part": part}, piece)
                part += 1
        except BackupFailed as error:
            log.warning("vault: %s", error)
            return
        await self._append_files()
        about = {"base": base, "parts": part, "start": backup.start, "end": backup.end}
        timeline = {"timeline": self._state().timeline}
        await self._append(entries.BASE_END, about | timeline | await self._origin(), b"")


def _number(former: ChainState | None) -> int:
    return 0 if former is None else int(former.chain.partition("-")[0])


async def keep_vault(ctx: Context) -> None:
    """Keep the vault until cancelled, where the configuration names targets."""
    if not ctx.config.vault.targets:
        return
    check_targets(ctx.config)
    while True:
        dsn = await connect_existing(ctx.config.data.folder)
        keys = await vault_keys(ctx)
        if dsn is None or keys is None:
            log.warning("vault: nobody could open the copies: `fedserver recovery-key new` first")
            await asyncio.sleep(_LOOK_EVERY_S)
            continue
        try:
            await Runner(ctx, dsn, keys).run()
        except* (StreamLost, WalGone) as group:
            log.warning("vault: %s", group.exceptions[0])
        await asyncio.sleep(_AGAIN_S)

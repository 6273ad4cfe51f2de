"""The vault at work in a running server: the log is received, cut, sealed and shipped."""

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Final

from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.events import VAULT
from fedserver.services.work_loop import Work, work_always
from fedserver.survival.vault import entries
from fedserver.survival.vault.chain import Chain, ChainState, Keys
from fedserver.survival.vault.contents import Contents, origin
from fedserver.survival.vault.entries import LOG, name_of, read_name
from fedserver.survival.vault.keys import vault_folder, vault_keys
from fedserver.survival.vault.media import MediaKeeper
from fedserver.survival.vault.receiving import Received
from fedserver.survival.vault.retention import forget_old
from fedserver.survival.vault.shipping import Shipping
from fedserver.survival.vault.status import VaultStatus, write_status
from fedserver.survival.vault.targets import Target, check_targets, targets_of
from storage.database import StorageError
from storage.failures import is_temporary
from storage.server import connect_existing
from storage.server.synchronous import hold_commits
from storage.server.wal_stream import System, WalStream, open_wal_stream, segment_start
from storage.vault import COUNT_WAITING_MEDIA, TARGETS_CHANGED
from storage.vault_places import PlaceUnavailable

log = logging.getLogger(__name__)

_REPORT_EVERY_S: Final = 10.0
_AGAIN_S: Final = 2.0
_LOOK_EVERY_S: Final = 60.0
_TELL_EVERY_S: Final = 1.0
_MEDIA_EVERY_S: Final = 5.0
_FORGET_EVERY_S: Final = 86_400.0
# Another PostgreSQL, which is dumped.
_NOT_OURS: Final = System("", 0, 0)


class OtherKeys(Exception):
    """There is another recovery key or recipient: what comes is sealed to it, in a new chain."""


class Vault:
    """The vault of a running instance, through all its runs."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._ready = asyncio.Event()
        self._orders: list[str] = []
        self._folder = vault_folder(ctx.config.data.folder)
        if ctx.config.vault.targets:
            check_targets(ctx.config)
            ctx.events.on(VAULT, self._orders.append)

    @property
    def is_synchronous(self) -> bool:
        """Whether nothing may be confirmed before a target has it."""
        settings = self._ctx.config.vault
        return bool(settings.targets) and settings.synchronous

    async def ready(self) -> None:
        """Wait until what is confirmed from now on is at a target."""
        await self._ready.wait()

    async def run(self) -> None:
        """Keep the vault until cancelled, where the configuration names targets."""
        if self._ctx.config.vault.targets:
            await work_always(self._ctx, Work("the vault", self._run_once, sweep_s=_AGAIN_S))
        elif not self._ctx.config.database.url:
            await self._let_go()

    async def _let_go(self) -> None:
        """Nothing is kept for a vault that is no more."""
        dsn = await connect_existing(self._ctx.config.data.folder)
        if dsn is not None:
            async with open_wal_stream(dsn) as stream:
                await stream.drop_slot()

    async def _run_once(self, _ctx: Context) -> int:
        config = self._ctx.config
        dsn = config.database.url or await connect_existing(config.data.folder)
        keys = await vault_keys(self._ctx)
        if keys is None or dsn is None:
            await self._complain(
                "nobody could open the copies: make a key with `fedserver recovery-key new`"
            )
            return 0
        try:
            await Run(self._ctx, dsn, keys, self._ready, self._orders).work()
        except* Exception as group:  # a vault that fails must not end the server
            if group.split(_is_foreseen)[1] is not None:
                raise
            await self._complain(str(_first(group)))
        return 0

    async def _complain(self, problem: str) -> None:
        log.warning("vault: %s", problem)
        status = VaultStatus(at=self._ctx.clock.now(), problem=problem)
        await asyncio.to_thread(write_status, self._folder, status)


class Run:
    """One run: from the connection to the database until it is lost."""

    def __init__(
        self, ctx: Context, dsn: str, keys: Keys, ready: asyncio.Event, orders: list[str]
    ) -> None:
        self._ctx = ctx
        self._dsn = dsn
        self._keys = keys
        self._ready = ready
        self._orders = orders
        self._settings = ctx.config.vault
        self._folder = vault_folder(ctx.config.data.folder)
        self._targets: list[Target] = targets_of(ctx)
        self._chain = Chain(self._folder, ctx.clock)
        self._shipping = Shipping(
            self._chain.spool, self._targets, ctx.clock, self._settings.spool_bytes
        )
        self._contents = Contents(ctx, dsn, self._chain, keys, self._shipping)
        self._media = MediaKeeper(ctx, self._targets, keys.recipients)
        self._order_at: datetime | None = None

    async def work(self) -> None:
        """Work until cancelled. Raises StreamLost, WalGone, OtherKeys."""
        await self._chain.load()
        labels = [one.label for one in self._targets]
        await self._ctx.db.execute(TARGETS_CHANGED, labels)
        if self._ctx.config.database.url:
            await self._work_with_dumps()
        else:
            await self._work_with_log()

    async def _work_with_log(self) -> None:
        async with open_wal_stream(self._dsn) as stream:
            position = await self._place_to_start(stream)
            received = Received(position, self._settings.chunk_bytes)
            await stream.start(position, self._chain.current.timeline)
            await self._at_once(
                received.fill(stream),
                self._cut(received, stream),
                self._report(received, stream),
                self._keep_contents(received),
                self._hold_commits(),
            )

    async def _work_with_dumps(self) -> None:
        """Another PostgreSQL: we have no right to its log, and dump it now and then."""
        known = self._chain.state
        if known is not None and self._goes_on(known, _NOT_OURS):
            await self._take_over_spool()
        else:
            await self._begin(_NOT_OURS, 0)
        await self._at_once(self._keep_contents(None))

    async def _at_once(self, *more: Coroutine[Any, Any, None]) -> None:
        async with asyncio.TaskGroup() as tasks:
            for one in (
                *more,
                self._shipping.run(self._chain.current.chain),
                self._keep_media(),
                self._watch_keys(),
                self._forget(),
                self._tell(),
            ):
                tasks.create_task(one, name="vault")

    async def _place_to_start(self, stream: WalStream) -> int:
        """Go on where the chain ends; where that is not possible, begin a new one."""
        system, slot = await stream.identify(), await stream.slot_position()
        known = self._chain.state
        goes_on = known is not None and slot is not None and self._goes_on(known, system)
        if known and goes_on and (slot or 0) <= known.wal_end <= system.position:
            await self._take_over_spool()
            return known.wal_end
        return await self._begin(system, segment_start(await stream.make_slot()))

    def _goes_on(self, known: ChainState, system: System) -> bool:
        return (known.system, known.timeline, known.signer, tuple(known.recipients)) == (
            *(system.identifier, system.timeline, self._keys.did, self._keys.recipients),
        )

    async def _take_over_spool(self) -> None:
        for name in await self._chain.spool.list(LOG):
            await self._shipping.add(name, len(await self._chain.spool.get(name)))

    async def _begin(self, system: System, start: int) -> int:
        former = self._chain.state
        number = 1 + max(await self._highest_elsewhere(), _number(former))
        about = await origin(self._ctx, self._keys)
        about |= {"system": system.identifier, "former": former.digest if former else None}
        begun = ChainState(
            chain="", system=system.identifier, timeline=system.timeline, wal_end=start
        )
        await self._chain.begin(number, self._keys, about, begun)
        await self._take_over_spool()
        log.info("vault: a new chain begins, %s", begun.chain)
        return start

    async def _highest_elsewhere(self) -> int:
        """Numbers rise, also where the data folder knows nothing of those before."""
        highest = 0
        for target in self._targets:
            try:
                names = await target.place.list(f"{LOG}/")
            except PlaceUnavailable:
                continue
            found = [one for one in map(read_name, names) if one is not None]
            highest = max([highest, *(int(one.chain.partition("-")[0]) for one in found)])
        return highest

    async def _cut(self, received: Received, stream: WalStream) -> None:
        synchronous = self._settings.synchronous
        while True:
            piece = await received.chunk(0 if synchronous else self._settings.chunk_s)
            timeline = self._chain.current.timeline
            about = {"start": piece.start, "end": piece.end, "timeline": timeline}
            name = await self._contents.append(entries.WAL, about, piece.data)
            if synchronous:
                await self._shipping.shipped(name)
            received.flushed = piece.end
            await stream.confirm(piece.end)

    async def _report(self, received: Received, stream: WalStream) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY_S)
            await stream.confirm(received.flushed)

    async def _keep_contents(self, received: Received | None) -> None:
        """See to files, bases and the minimum in their time, and at once when told so."""
        while True:
            began, orders = self._ctx.clock.now(), len(self._orders)
            await self._contents.keep(base="base" in self._orders)
            if orders:
                if received is not None:
                    await received.hurry()
                await self._media.keep(at_once=True)
                await self._shipping.settled()
                self._order_at = began
                self._orders.clear()
            await self._ctx.events.wait(VAULT, timeout_s=_LOOK_EVERY_S)

    async def _keep_media(self) -> None:
        while self._settings.media:
            await self._media.keep()
            await asyncio.sleep(_MEDIA_EVERY_S)

    async def _hold_commits(self) -> None:
        """From when there is a base on a target and the log after it, commits may rely on that."""
        if self._settings.synchronous:
            state = await self._contents.has_base()
            assert state.base_sequence is not None  # it has one
            end = name_of(state.chain, state.base_sequence, entries.BASE_END)
            await self._shipping.shipped(end)
            await asyncio.to_thread(hold_commits, self._ctx.config.data.folder)
            log.info("vault: what is confirmed from now on is at a target")
            self._ready.set()

    async def _watch_keys(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            keys = await vault_keys(self._ctx)
            if keys is not None and keys.recipients != self._keys.recipients:
                raise OtherKeys("there is another key to seal to: a new chain begins")

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_EVERY_S)
            await forget_old(self._ctx, self._targets, self._chain.current.chain)

    async def _tell(self) -> None:
        while True:
            status = VaultStatus(
                at=self._ctx.clock.now(),
                chain=self._chain.current,
                targets=self._shipping.states,
                spool_bytes=self._shipping.waiting_bytes,
                synchronous=self._ready.is_set(),
                media_waiting=await self._ctx.db.value(COUNT_WAITING_MEDIA) or 0,
                order_at=self._order_at,
            )
            await asyncio.to_thread(write_status, self._folder, status)
            await asyncio.sleep(_TELL_EVERY_S)


def _is_foreseen(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_is_foreseen, error.exceptions))
    foreseen = isinstance(error, StorageError | OSError | FedserverError | OtherKeys)
    return foreseen or is_temporary(error)


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _number(former: ChainState | None) -> int:
    return 0 if former is None else int(former.chain.partition("-")[0])

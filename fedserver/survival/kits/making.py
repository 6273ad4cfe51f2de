"""Making a kit: packed, sealed to its owner, kept for download and put on mirrors."""

import gzip
import logging
import tempfile
from asyncio import to_thread
from datetime import timedelta
from typing import BinaryIO, Final, cast

from fedserver.context import Context
from fedserver.effects.recovery_key import public_key
from fedserver.errors import FedserverError
from fedserver.recovery.keys import RecoveryPublic
from fedserver.recovery.sealing import seal_stream
from fedserver.services.keeping import keep
from fedserver.survival.archives.packing import pack_kit
from fedserver.survival.mirrors.keeping import MAX_CHUNK_BYTES
from fedserver.survival.mirrors.negotiating import contracts
from fedserver.survival.mirrors.partners import address_of
from fedserver.survival.mirrors.target import AsInstance, MirrorTarget
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.kits import ASK_FOR_KIT, DELETE_KIT, KIT, KIT_FAILED, KIT_MADE, KitRow

log = logging.getLogger(__name__)

SUFFIX: Final = ".age"
PREFIX: Final = "kits"
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_AGAIN_AFTER: Final = timedelta(hours=6)
_COMPRESSION: Final = 5  # posts become a twentieth; more costs time and gives little
_KEPT: Final = 2  # versions of a kit on a mirror


async def make_now(ctx: Context, account_id: int, *, with_media: bool) -> bool:
    """Make somebody's kit now, here; False for who has no recovery key."""
    until = ctx.clock.now() + _AGAIN_AFTER  # so that no worker takes it meanwhile
    await ctx.db.execute(ASK_FOR_KIT, account_id, with_media, until)
    kit = await ctx.db.one(KIT, account_id)
    return kit is not None and await make_kit(ctx, kit)


async def make_kit(ctx: Context, kit: KitRow) -> bool:
    """Make the kit anew; False where its owner is gone or has no recovery key any more."""
    person = await ctx.db.one(ACCOUNT_BY_ID, kit.account_id)
    public = await public_key(ctx.db, kit.account_id)
    if person is None or person.gone or public is None:
        await ctx.db.execute(DELETE_KIT, kit.account_id)
        return False
    with _temporary() as sealed:
        posts = await _sealed(ctx, person, public, sealed, with_media=kit.with_media)
        size = sealed.seek(0, 2)
        blob = await keep(ctx, sealed, suffix=SUFFIX)
        now = ctx.clock.now()
        again = now + timedelta(days=ctx.config.kits.every_days)
        await ctx.db.execute(
            KIT_MADE, person.id, blob, size, public.did, posts, now, again, kit.due_at
        )
        await _put_on_mirrors(ctx, person, public, sealed, size)
    return True


def _temporary() -> BinaryIO:
    return cast("BinaryIO", tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))


async def _sealed(
    ctx: Context,
    person: AccountRow,
    public: RecoveryPublic,
    sealed: BinaryIO,
    *,
    with_media: bool,
) -> int:
    with _temporary() as plain:
        with gzip.GzipFile(fileobj=plain, mode="wb", compresslevel=_COMPRESSION, mtime=0) as packed:
            tar = cast("BinaryIO", packed)
            posts = await pack_kit(ctx, person, tar, with_media=with_media)
        plain.seek(0)
        await to_thread(seal_stream, plain, sealed, [public.recipient])
    return posts


async def _put_on_mirrors(
    ctx: Context, person: AccountRow, public: RecoveryPublic, sealed: BinaryIO, size: int
) -> None:
    """Instances that keep chunks for us get it, readable for the holder of the recovery key."""
    if size > MAX_CHUNK_BYTES:
        days = timedelta(days=ctx.config.kits.every_days)  # it will not get smaller by itself
        too_large = "it is too large for mirrors; make it without media"
        await ctx.db.execute(KIT_FAILED, person.id, too_large, ctx.clock.now() + days)
        return
    agreed = [
        one for one in await contracts(ctx) if one.state == "agreed" and "chunks" in one.classes
    ]
    if not agreed or not ctx.config.kits.mirrors:
        return
    sealed.seek(0)
    data = await to_thread(sealed.read)
    faults = []
    for contract in agreed[: ctx.config.kits.mirrors]:
        target = MirrorTarget(ctx.out, address_of(ctx, contract.host), AsInstance(ctx))
        try:
            await put_on(target, name_of(ctx, person), data, public.did)
        except FedserverError as error:
            log.warning("a kit could not be put on %s: %s", contract.host, error)
            faults.append(f"{contract.host}: {error}")
    if faults:
        reason, again = "; ".join(faults)[:500], ctx.clock.now() + _AGAIN_AFTER
        await ctx.db.execute(KIT_FAILED, person.id, reason, again)


async def put_on(target: MirrorTarget, name: str, data: bytes, did: str) -> None:
    """Put the newest kit on a mirror, and let the oldest go."""
    await target.put(name, data, reader=did)
    older = [one for one in await target.list(f"{name.rpartition('/')[0]}/") if one != name]
    for one in older[: -(_KEPT - 1)]:
        await target.delete(one)


def name_of(ctx: Context, person: AccountRow) -> str:
    """Give the name under which a mirror keeps the kit of now."""
    made = ctx.clock.now().strftime("%Y%m%dT%H%M%SZ")
    return f"{PREFIX}/{person.username}/{made}{SUFFIX}"

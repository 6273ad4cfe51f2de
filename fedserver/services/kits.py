"""Somebody's sealed kit: how it is, asking for a new one, and the file."""

from typing import IO

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.events import KITS, NOTIFY
from storage.kits import ASK_FOR_KIT, KIT, KitRow
from storage.recovery_keys import RECOVERY_KEY


async def kit_of(ctx: Context, account_id: int) -> KitRow | None:
    """Give somebody's kit; None where none was asked for."""
    return await ctx.db.one(KIT, account_id)


async def ask_for_kit(ctx: Context, account_id: int, *, with_media: bool) -> None:
    """Have the kit made anew now. Raises Invalid for who has no recovery key to seal it to."""
    if await ctx.db.one(RECOVERY_KEY, account_id) is None:
        raise Invalid("Make a recovery key first: a kit is sealed to it")
    await ctx.db.execute(ASK_FOR_KIT, account_id, with_media, ctx.clock.now())
    await ctx.db.execute(NOTIFY, KITS, "")


async def open_kit_file(ctx: Context, account_id: int) -> tuple[IO[bytes], int]:
    """Give the sealed kit as an open file, and its size. Raises NotFound until it is made."""
    kit = await kit_of(ctx, account_id)
    if kit is None or kit.blob is None:
        raise NotFound("The kit is not made yet")
    try:
        return await ctx.blobs.open(kit.blob), kit.bytes
    except FileNotFoundError:
        raise NotFound("The kit is lost: ask for a new one") from None

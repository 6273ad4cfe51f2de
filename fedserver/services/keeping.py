"""Files in the blob store: noted before they are written, removed when no row names them."""

import asyncio
from datetime import timedelta
from typing import Final

from fedserver.context import Context
from storage.blobs import Content, name_of
from storage.doubtful_blobs import BLOBS_WITHOUT_ROW, DOUBT_BLOBS, DUE_BLOBS, FORGET_DOUBTS

# How long whoever keeps a file has to write the row that names it.
_ROW_WITHIN: Final = timedelta(days=1)
_AT_A_TIME: Final = 100


async def keep(ctx: Context, data: Content, *, suffix: str) -> str:
    """Keep `data` durably and give its name, for a row that is written next.

    The name is noted before, so that a crash between the two leaves no file for ever.
    """
    name = await asyncio.to_thread(name_of, data, suffix)
    await ctx.db.execute(DOUBT_BLOBS, [name], ctx.clock.now() + _ROW_WITHIN)
    return await ctx.blobs.put(data, suffix=suffix)


async def remove_unnamed(ctx: Context) -> int:
    """Remove the files whose time to be named by a row is over and that none names; gives how
    many."""
    removed = 0
    while True:
        async with ctx.db.transaction() as tx:
            due = await tx.values(DUE_BLOBS, ctx.clock.now(), _AT_A_TIME)
            for name in await tx.values(BLOBS_WITHOUT_ROW, due):
                removed += await ctx.blobs.delete(name)
            await tx.execute(FORGET_DOUBTS, due)
        if len(due) < _AT_A_TIME:
            return removed

"""What the clock calls: bringing our public posts to partners, and removing what we kept for them
when its time is over."""

from datetime import timedelta
from typing import Final

from fedserver.context import Context
from fedserver.services.work_loop import Work, work_always
from fedserver.survival.mirrors.bringing import bring_due
from fedserver.survival.mirrors.keeping import remove_due, remove_unnamed
from fedserver.survival.mirrors.terms import MIN_RETENTION_DAYS
from storage.kept_chunks import NEXT_CHUNK_DUE
from storage.mirrored import FORGET_ENDED, NEXT_PARTNER_DUE, RELEASE_FILES
from storage.mirrors import CONTRACTS

_SWEEP_S: Final = 3_600
_DAY_S: Final = 86_400
_TIDY_AFTER_S: Final = 600
# A file comes after the object that shows it.
_FILES_STAY_FOR: Final = timedelta(hours=1)


async def tidy_always(ctx: Context) -> None:
    """Look once a day for files that nothing names, until cancelled."""
    await work_always(ctx, Work("kept files", tidy, sweep_s=_DAY_S, first_after_s=_TIDY_AFTER_S))


async def tidy(ctx: Context) -> int:
    """Remove files that nothing names. Gives 0: nothing of it waits for a second round."""
    for contract in await ctx.db.fetch(CONTRACTS):
        await remove_unnamed(ctx, contract.id)
    return 0


async def bring_always(ctx: Context) -> None:
    """Bring our public posts to our mirrors, until cancelled."""
    work = Work("mirrors", bring_due, next_at=NEXT_PARTNER_DUE, sweep_s=60, least_s=1)
    await work_always(ctx, work)


async def remove_always(ctx: Context) -> None:
    """Remove what is due of what we keep, until cancelled."""
    work = Work("old chunks", remove_old, next_at=NEXT_CHUNK_DUE, sweep_s=_SWEEP_S, least_s=1)
    await work_always(ctx, work)


async def remove_old(ctx: Context) -> int:
    """Remove some of what has been kept long enough. Gives how many chunks that were."""
    now = ctx.clock.now()
    await ctx.db.execute(FORGET_ENDED, now)
    until = now + timedelta(days=MIN_RETENTION_DAYS)
    await ctx.db.execute(RELEASE_FILES, until, now - _FILES_STAY_FOR)
    return await remove_due(ctx)

"""Completes threads, a few at a time, beside everything else."""

import asyncio
import logging
from datetime import timedelta

from fedserver import effects
from fedserver.context import Context
from fedserver.events import THREADS
from fedserver.services.work_loop import Work, work_always
from storage.failures import is_temporary
from storage.threads import CLAIM_THREADS, NEXT_THREAD_AT, THREAD_DONE, BackfillRow

log = logging.getLogger(__name__)

AT_ONCE = 3
_CLAIM_FOR = timedelta(minutes=5)


async def complete_always(ctx: Context) -> None:
    """Complete threads that are due until cancelled; sleep until one is due."""
    work = Work("completing threads", complete_due, THREADS, NEXT_THREAD_AT, AT_ONCE)
    await work_always(ctx, work)


async def complete_due(ctx: Context) -> int:
    """Complete the threads whose turn it is; give how many there were."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(CLAIM_THREADS, now, now + _CLAIM_FOR, AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for row in rows:
            tasks.create_task(_complete(ctx, row))
    return len(rows)


async def _complete(ctx: Context, row: BackfillRow) -> None:
    try:
        brought = await _brought(ctx, row)
        log.info("thread %s completed with %s statuses", row.thread_id, brought)
        await ctx.db.execute(THREAD_DONE, row.thread_id, brought)
    except Exception as error:  # one thread's trouble is not the others': its claim ends by itself
        if not is_temporary(error):
            raise
        log.warning("thread %s waits for the database: %s", row.thread_id, error)


async def _brought(ctx: Context, row: BackfillRow) -> int:
    try:
        return await effects.complete_thread(ctx, row.status_id)
    except Exception as error:  # what is wrong with one thread will be wrong the next time, too
        if is_temporary(error):
            raise
        log.exception("thread %s cannot be completed", row.thread_id)
        return 0

"""Posts what people scheduled, when its time has come."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from fedserver.context import Context
from storage.failures import is_temporary
from storage.scheduled import CLAIM_SCHEDULED, NEXT_SCHEDULED_AT, ScheduledRow

log = logging.getLogger(__name__)

# Nothing is scheduled for sooner than in five minutes, so this misses nothing.
_LOOK_EVERY_S = 60.0
_PAUSE_S = 0.2
_AT_A_TIME = 10
# Longer than asking other servers for whom a post names may take.
CLAIM_FOR = timedelta(minutes=5)

Post = Callable[[Context, ScheduledRow], Awaitable[None]]


async def post_scheduled_always(ctx: Context, post: Post) -> None:
    """Post what is due, then sleep until more is, until cancelled. `post` takes a claimed row, and
    must take it away in the transaction in which it posts."""
    while True:
        try:
            if await post_scheduled(ctx, post) < _AT_A_TIME:
                await asyncio.sleep(await _idle_s(ctx))
        except Exception as error:  # the claim ends by itself, and it is tried again
            if not is_temporary(error):
                raise
            log.warning("scheduled posts wait for the database: %s", error)
            await asyncio.sleep(_LOOK_EVERY_S)


async def post_scheduled(ctx: Context, post: Post) -> int:
    """Post what is due now; give how many there were."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(CLAIM_SCHEDULED, now, now + CLAIM_FOR, _AT_A_TIME)
    for row in due:
        await post(ctx, row)
    return len(due)


async def _idle_s(ctx: Context) -> float:
    due_at = await ctx.db.value(NEXT_SCHEDULED_AT)
    if due_at is None:
        return _LOOK_EVERY_S
    return min(_LOOK_EVERY_S, max(_PAUSE_S, (due_at - ctx.clock.now()).total_seconds()))

"""Posts what people scheduled, when its time has come."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

from fedserver.context import Context
from fedserver.services.work_loop import Work, work_always
from storage.scheduled import CLAIM_SCHEDULED, NEXT_SCHEDULED_AT, ScheduledRow

_AT_A_TIME = 10
# Longer than asking other servers for whom a post names may take.
CLAIM_FOR = timedelta(minutes=5)

Post = Callable[[Context, ScheduledRow], Awaitable[None]]


async def post_scheduled_always(ctx: Context, post: Post) -> None:
    """Post what is due, then sleep until more is, until cancelled. `post` takes a claimed row, and
    must take it away in the transaction in which it posts."""
    do = partial(post_scheduled, post=post)
    await work_always(ctx, Work("scheduled posts", do, None, NEXT_SCHEDULED_AT, _AT_A_TIME))


async def post_scheduled(ctx: Context, post: Post) -> int:
    """Post what is due now; give how many there were."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(CLAIM_SCHEDULED, now, now + CLAIM_FOR, _AT_A_TIME)
    for row in due:
        await post(ctx, row)
    return len(due)

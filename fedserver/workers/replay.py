"""Parks hosts that are away for long, and sends what they missed when they are back.

A parked host has no deliveries, only a cursor. The first activity after it serves as the probe;
once one is taken the others follow in order, a page at a time, and when the host has caught up new
posts are written for it again.
"""

from datetime import timedelta

from fedserver.context import Context
from fedserver.ids import MAX_ID, first_id_of
from storage.hosts import LaneRow
from storage.replays import (
    ADVANCE_REPLAY,
    END_REPLAY,
    INSERT_MISSED,
    MISSED,
    PARK_HOST,
    STOP_POSTING,
)

# More deliveries than these are not kept for a host in trouble: they can be written anew. Each
# costs every post some writing, which those pay for who wait for the post.
MAX_WAITING = 100
CROWDED_AFTER = timedelta(minutes=5)
PAGE = 50
_LOOKED_AT = 1_000
# Posts younger than this may not be committed yet, in the order of their ids.
_SETTLED_AFTER = timedelta(minutes=5)


async def park_if_dead(ctx: Context, host: str) -> None:
    """Drop what waits for a host that has failed for days, or for which too much waits."""
    now = ctx.clock.now()
    dead_since = now - timedelta(days=ctx.config.federation.delivery_give_up_days)
    ill_since = now - CROWDED_AFTER
    await ctx.db.execute(PARK_HOST, host, now, ctx.ids.new(), dead_since, ill_since, MAX_WAITING)


async def write_missed(ctx: Context, lane: LaneRow) -> None:
    """Write deliveries of the next activities that the host of `lane`, which we have leased,
    missed: one where it is still in doubt that it is back."""
    if lane.missed_from is None:
        return
    now = ctx.clock.now()
    oldest = first_id_of(now - timedelta(days=ctx.config.federation.replay_days))
    begin, end = max(lane.missed_from, oldest), first_id_of(now - _SETTLED_AFTER)
    at_once = 1 if lane.failures else PAGE
    page = await ctx.db.one(MISSED, lane.host, begin, end, _LOOKED_AT, at_once)
    if page is None or (not page.activity_ids and page.next_from is None):
        await _finish(ctx, lane.host, max(begin, end))
        return
    async with ctx.db.transaction() as tx:
        await tx.execute(INSERT_MISSED, lane.host, page.activity_ids, page.inbox_urls, now)
        await tx.execute(ADVANCE_REPLAY, lane.host, page.next_from or end)


async def _finish(ctx: Context, host: str, begin: int) -> None:
    """Write all that is left, while nobody posts: from then on the host misses nothing."""
    async with ctx.db.transaction() as tx:
        await tx.execute(STOP_POSTING)
        page = await tx.one(MISSED, host, begin, MAX_ID, MAX_ID >> 32, MAX_ID >> 32)
        if page is not None:
            now = ctx.clock.now()
            await tx.execute(INSERT_MISSED, host, page.activity_ids, page.inbox_urls, now)
        await tx.execute(END_REPLAY, host)

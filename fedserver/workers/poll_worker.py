"""Ends polls when their time is over, and tells peers the totals now and then."""

from fedserver.context import Context
from fedserver.effects import end_polls, tell_totals
from fedserver.services.work_loop import Work, work_always
from storage.poll_ends import NEXT_POLL_DUE_AT


async def watch_polls(ctx: Context) -> None:
    """Do what is due, then sleep until more is, until cancelled."""
    # New polls last five minutes at least, and totals wait three: nothing is due sooner.
    await work_always(ctx, Work("polls", _end_and_tell, next_at=NEXT_POLL_DUE_AT, least_s=1.0))


async def _end_and_tell(ctx: Context) -> int:
    return await end_polls(ctx) + await tell_totals(ctx)

"""Ends polls when their time is over, and tells peers the totals now and then."""

import asyncio
import logging

from fedserver.context import Context
from fedserver.effects import end_polls, tell_totals
from storage.failures import is_temporary
from storage.poll_ends import NEXT_POLL_DUE_AT

log = logging.getLogger(__name__)

# New polls last five minutes at least, and totals wait three: nothing is due sooner.
_LOOK_EVERY_S = 60.0
_PAUSE_S = 1.0


async def watch_polls(ctx: Context) -> None:
    """Do what is due, then sleep until more is, until cancelled."""
    while True:
        try:
            await end_polls(ctx)
            await tell_totals(ctx)
            pause_s = await _idle_s(ctx)
        except Exception as error:  # what could not be told now can be told later
            if not is_temporary(error):
                raise
            log.warning("polls wait for the database: %s", error)
            pause_s = _LOOK_EVERY_S
        await asyncio.sleep(pause_s)


async def _idle_s(ctx: Context) -> float:
    due_at = await ctx.db.value(NEXT_POLL_DUE_AT)
    if due_at is None:
        return _LOOK_EVERY_S
    return min(_LOOK_EVERY_S, max(_PAUSE_S, (due_at - ctx.clock.now()).total_seconds()))

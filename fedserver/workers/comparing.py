"""Compares followers with peers whose digest differs from ours (FEP-8fcf), a few at a time."""

import asyncio
import logging
from datetime import timedelta

from fedserver.context import Context
from fedserver.effects import compare_followers
from fedserver.events import FOLLOWERS
from storage.failures import is_temporary
from storage.followers import CLAIM_COMPARISONS, NEXT_COMPARISON_AT

log = logging.getLogger(__name__)

_AT_A_TIME = 10
_CLAIM_FOR = timedelta(minutes=5)
_SWEEP_EVERY_S = 300.0
_DATABASE_PAUSE_S = 1.0


async def compare_always(ctx: Context) -> None:
    """Compare what is due until cancelled; sleep until something is."""
    while True:
        try:
            if await compare_some(ctx) < _AT_A_TIME:
                await ctx.events.wait(FOLLOWERS, timeout_s=await _idle_s(ctx))
        except Exception as error:  # one peer's trouble is not the others'
            if not is_temporary(error):
                log.exception("followers cannot be compared")
            await asyncio.sleep(_DATABASE_PAUSE_S)


async def compare_some(ctx: Context) -> int:
    """Compare what is due now; give how many there were."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(CLAIM_COMPARISONS, now, now + _CLAIM_FOR, _AT_A_TIME)
    for row in due:
        await compare_followers(ctx, row)
    return len(due)


async def _idle_s(ctx: Context) -> float:
    due_at = await ctx.db.value(NEXT_COMPARISON_AT)
    if due_at is None:
        return _SWEEP_EVERY_S
    return min(_SWEEP_EVERY_S, max(0.1, (due_at - ctx.clock.now()).total_seconds()))

"""Compares followers with peers whose digest differs from ours (FEP-8fcf), a few at a time."""

import logging
from datetime import timedelta

from fedserver.context import Context
from fedserver.effects import compare_followers
from fedserver.events import FOLLOWERS
from fedserver.services.work_loop import Work, work_always
from storage.failures import is_temporary
from storage.followers import CLAIM_COMPARISONS, NEXT_COMPARISON_AT, ComparisonRow

log = logging.getLogger(__name__)

_AT_A_TIME = 10
_CLAIM_FOR = timedelta(minutes=5)


async def compare_always(ctx: Context) -> None:
    """Compare what is due until cancelled; sleep until something is."""
    work = Work("comparing followers", compare_some, FOLLOWERS, NEXT_COMPARISON_AT, _AT_A_TIME)
    await work_always(ctx, work)


async def compare_some(ctx: Context) -> int:
    """Compare what is due now; give how many there were."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(CLAIM_COMPARISONS, now, now + _CLAIM_FOR, _AT_A_TIME)
    for row in due:
        await _compare(ctx, row)
    return len(due)


async def _compare(ctx: Context, row: ComparisonRow) -> None:
    try:
        await compare_followers(ctx, row)
    except Exception as error:  # one peer's trouble is not the others': its claim ends by itself
        if is_temporary(error):
            raise
        log.exception("followers cannot be compared with a peer")

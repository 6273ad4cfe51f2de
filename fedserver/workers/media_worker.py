"""Makes of uploaded videos and sounds what browsers play, one after the other."""

import asyncio
import logging

from fedserver.context import Context
from fedserver.events import MEDIA
from fedserver.services.attachments import CLAIM_FOR, work_on
from storage.failures import is_temporary
from storage.processing import CLAIM_MEDIA_WORK, NEXT_MEDIA_WORK_AT

log = logging.getLogger(__name__)

_AT_ONCE = 1  # each takes all of a processor
_SWEEP_EVERY_S = 60.0
_LEAST_PAUSE_S = 0.1
_PAUSE_S = 5.0


async def convert_always(ctx: Context) -> None:
    """Convert what waits until cancelled; sleep until something does."""
    while True:
        try:
            if not await convert_due(ctx):
                await ctx.events.wait(MEDIA, timeout_s=await _idle_s(ctx))
        except Exception as error:  # what could not be done now can be done later
            if not is_temporary(error):
                raise
            log.warning("uploads wait: %s", error)
            await asyncio.sleep(_PAUSE_S)


async def convert_due(ctx: Context) -> int:
    """Convert the upload that has waited longest; give how many there were."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(CLAIM_MEDIA_WORK, now, now + CLAIM_FOR, _AT_ONCE)
    for row in rows:
        if row.source_blob is not None:
            await work_on(ctx, row.id, row.source_blob)
    return len(rows)


async def _idle_s(ctx: Context) -> float:
    due_at = await ctx.db.value(NEXT_MEDIA_WORK_AT)
    if due_at is None:
        return _SWEEP_EVERY_S
    return min(_SWEEP_EVERY_S, max(_LEAST_PAUSE_S, (due_at - ctx.clock.now()).total_seconds()))

"""Makes of uploaded videos and sounds what browsers play, one after the other."""

from fedserver.context import Context
from fedserver.events import MEDIA
from fedserver.services.attachments import CLAIM_FOR, work_on
from fedserver.services.work_loop import Work, work_always
from storage.processing import CLAIM_MEDIA_WORK, NEXT_MEDIA_WORK_AT

_AT_ONCE = 1  # each takes all of a processor


async def convert_always(ctx: Context) -> None:
    """Convert what waits until cancelled; sleep until something does."""
    await work_always(ctx, Work("uploads", convert_due, MEDIA, NEXT_MEDIA_WORK_AT))


async def convert_due(ctx: Context) -> int:
    """Convert the upload that has waited longest; give how many there were."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(CLAIM_MEDIA_WORK, now, now + CLAIM_FOR, _AT_ONCE)
    for row in rows:
        if row.source_blob is not None:
            await work_on(ctx, row.id, row.source_blob)
    return len(rows)

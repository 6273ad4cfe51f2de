"""What the clock calls: removing what was to be deleted long enough ago."""

from fedserver.context import Context
from fedserver.services.work_loop import Work, work_always
from fedserver.survival.mirrors.keeping import remove_due
from storage.kept_chunks import NEXT_CHUNK_DUE

_SWEEP_S = 3_600


async def remove_always(ctx: Context) -> None:
    """Remove chunks that are due, until cancelled."""
    work = Work("old chunks", remove_due, next_at=NEXT_CHUNK_DUE, sweep_s=_SWEEP_S, least_s=1)
    await work_always(ctx, work)

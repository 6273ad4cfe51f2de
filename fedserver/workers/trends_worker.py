"""Makes the trends anew every few minutes."""

from fedserver.context import Context
from fedserver.services.trends import EVERY, make_trends
from fedserver.services.work_loop import Work, work_always


async def watch_trends(ctx: Context) -> None:
    """Make the trends until cancelled; one of all processes does it each time."""
    await work_always(ctx, Work("trends", _make, sweep_s=EVERY.total_seconds()))


async def _make(ctx: Context) -> int:
    await make_trends(ctx)
    return 0

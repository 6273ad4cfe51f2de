"""Does what people brought from elsewhere, a few lines at a time, beside everything else."""

import asyncio
from datetime import timedelta
from typing import Final

from fedserver.context import Context
from fedserver.effects.importing import import_line
from fedserver.errors import FedserverError, Unreachable
from fedserver.events import IMPORTS
from fedserver.services.work_loop import Work, work_always
from storage.imports import CLAIM_IMPORT_ROWS, NEXT_IMPORT_AT, SETTLE_IMPORT_ROW, ClaimedRow

AT_ONCE: Final = 4
_CLAIM_FOR: Final = timedelta(minutes=5)
# A server that does not answer is asked again after 10 minutes, an hour, six hours.
_AGAIN_AFTER: Final = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))


async def import_always(ctx: Context) -> None:
    """Do the lines that are due until cancelled; sleep until one is."""
    await work_always(ctx, Work("imports", import_due, IMPORTS, NEXT_IMPORT_AT))


async def import_due(ctx: Context) -> int:
    """Do some of the lines that are due; give how many there were."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(CLAIM_IMPORT_ROWS, now, now + _CLAIM_FOR, AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for row in rows:
            tasks.create_task(_import(ctx, row))
    return len(rows)


async def _import(ctx: Context, row: ClaimedRow) -> None:
    again_at, failure = None, None
    try:
        await import_line(ctx, row)
    except Unreachable as error:
        failure = str(error)
        if row.attempts <= len(_AGAIN_AFTER):
            again_at = ctx.clock.now() + _AGAIN_AFTER[row.attempts - 1]
    except FedserverError as error:
        failure = str(error)
    await ctx.db.execute(SETTLE_IMPORT_ROW, row.id, again_at, failure)

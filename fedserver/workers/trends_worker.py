"""Makes the trends anew every few minutes."""

import asyncio
import logging

from fedserver.context import Context
from fedserver.services.trends import EVERY, make_trends
from storage.failures import is_temporary

log = logging.getLogger(__name__)


async def watch_trends(ctx: Context) -> None:
    """Make the trends until cancelled; one of all processes does it each time."""
    while True:
        try:
            await make_trends(ctx)
        except Exception as error:  # trends can wait
            if not is_temporary(error):
                raise
            log.warning("trends wait for the database: %s", error)
        await asyncio.sleep(EVERY.total_seconds())

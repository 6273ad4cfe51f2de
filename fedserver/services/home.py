"""Home timelines of people who come back after a while."""

import logging

from fedserver.context import Context
from storage.timelines import MARK_HOME_BUILT, REBUILD_HOME

log = logging.getLogger(__name__)


async def rebuild(ctx: Context, account_id: int) -> None:
    """Fill the home timeline with the newest posts of whom `account_id` follows, and say so.

    What is fanned out meanwhile stays; doing it twice changes nothing.
    """
    async with ctx.db.transaction() as tx:
        added = await tx.execute(REBUILD_HOME, account_id)
        await tx.execute(MARK_HOME_BUILT, account_id, ctx.clock.now())
    log.info("home timeline of account %s rebuilt with %s entries", account_id, added)

"""Telling open streams, in every process, of what an act changed.

Each signal is sent inside the act's transaction, so that it is heard after the commit, or never.
"""

from datetime import datetime, timedelta

from fedserver.context import Context
from fedserver.events import NOTIFY, STATUSES
from storage.database import Transaction
from storage.streaming import SIGNAL_DELETION, SIGNAL_DELETIONS_OF_ACCOUNT

# What is older when it comes here is no news: threads that are completed, peers that catch up.
_NEWS_FOR = timedelta(hours=6)


async def signal_new(ctx: Context, tx: Transaction, status_id: int, created_at: datetime) -> None:
    """A status or a boost has come."""
    if ctx.clock.now() - created_at < _NEWS_FOR:
        await tx.execute(NOTIFY, STATUSES, f'{{"kind":"new","id":{status_id}}}')


async def signal_edit(tx: Transaction, status_id: int) -> None:
    """The author of a status changed it."""
    await tx.execute(NOTIFY, STATUSES, f'{{"kind":"edit","id":{status_id}}}')


async def signal_deletion(tx: Transaction, status_id: int) -> None:
    """A status, with the boosts of it, or a boost is about to go."""
    await tx.execute(SIGNAL_DELETION, status_id, STATUSES)


async def signal_departure(tx: Transaction, account_id: int) -> None:
    """Somebody's posts and boosts are about to go, all of them."""
    await tx.execute(SIGNAL_DELETIONS_OF_ACCOUNT, account_id, STATUSES)

"""Which threads are to be completed, and when: asked for here, done by a worker."""

import random
from datetime import timedelta

from fedserver.context import Context
from storage.database import Database, Transaction
from storage.threads import ASK_FOR_THREAD

# How often a thread is completed: where somebody looks at it, and where it merely grows.
COOLDOWN = timedelta(minutes=15)
COOLDOWN_UNSEEN = timedelta(hours=12)
# Many servers learn of a post at once: each asks its origin for more at a time of its own.
SPREAD = timedelta(minutes=1), timedelta(minutes=10)
_ASK_AGAIN_AFTER_S = 60.0


async def ask_for_thread(
    ctx: Context,
    thread_id: int,
    status_id: int,
    *,
    soon: bool = False,
    db: Database | Transaction | None = None,
) -> None:
    """Have a thread completed, beginning with one of its statuses: `soon` where somebody looks at
    it, else at a random time. One that was completed lately is left alone."""
    if not ctx.recent.claim(("thread", thread_id, soon), every_s=_ASK_AGAIN_AFTER_S):
        return
    now = ctx.clock.now()
    earliest, latest = SPREAD
    due = now if soon else now + earliest + (latest - earliest) * random.random()
    long_ago = now - (COOLDOWN if soon else COOLDOWN_UNSEEN)
    await (db or ctx.db).execute(ASK_FOR_THREAD, thread_id, status_id, due, now, long_ago)

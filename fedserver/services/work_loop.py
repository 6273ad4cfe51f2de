"""The loop of every worker: take work until there is none, sleep until there is more, and outlive
a restart of the database."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from fedserver.context import Context
from storage.failures import is_temporary
from storage.query import Value

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a worker does, and what wakes it.

    `what` is its name in the log. `do` does some of what is due and gives how much that was; as
    long as it was `full` or more, it is called again at once. Then the worker sleeps until `signal`
    (a channel of `fedserver.events`), until the time that `next_at` gives, or for `sweep_s`,
    whichever comes first: a lost signal costs no more than that. It sleeps `least_s` in any case
    but that of a signal, so that what is due and claimed by another process is not asked for
    without end. `first_after_s` is how long it waits after the start.

    `do` handles what may go wrong with one piece of work. What it raises ends the server, except
    where the database is away: then it is tried again, later each time.
    """

    what: str
    do: Callable[[Context], Awaitable[int]]
    signal: str | None = None
    next_at: Value[datetime] | None = None
    full: int = 1
    sweep_s: float = 60.0
    least_s: float = 0.1
    first_after_s: float = 0.0


async def work_always(ctx: Context, work: Work) -> None:
    """Do `work` until cancelled."""
    await asyncio.sleep(work.first_after_s)
    failures = 0
    while True:
        try:
            while await work.do(ctx) >= work.full:
                failures = 0
            pause_s = await _idle_s(ctx, work)
        except Exception as error:  # the work stays in the database until it is done
            if not is_temporary(error):
                raise
            log.warning("%s: the database is away: %s", work.what, error)
            await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures))
            failures = min(failures + 1, 10)
        else:
            failures = 0
            await _wait(ctx, work, pause_s)


async def _idle_s(ctx: Context, work: Work) -> float:
    due_at: datetime | None = None
    if work.next_at is not None:
        due_at = await ctx.db.value(work.next_at)
    if due_at is None:
        return work.sweep_s
    return min(work.sweep_s, max(work.least_s, (due_at - ctx.clock.now()).total_seconds()))


async def _wait(ctx: Context, work: Work, pause_s: float) -> None:
    if work.signal is None:
        await asyncio.sleep(pause_s)
    else:
        await ctx.events.wait(work.signal, timeout_s=pause_s)

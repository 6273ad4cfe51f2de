"""Processes what the inboxes stored: each item once, in order for each actor, with an outcome.

An item that waits for a slow peer holds up nobody but its own actor; one that raises is tried again
some times and then given up; what was claimed and not processed is given back.
"""

import asyncio
import logging
import random
from collections import defaultdict, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from activitypub.errors import ProtocolError
from activitypub.hearsay import read_hearsay
from activitypub.json_bytes import loads
from activitypub.origins import host_of
from activitypub.parse import parse_activity
from activitypub.trust import authenticate
from fedserver import effects
from fedserver.context import Context
from fedserver.effects import Outcome, OutcomeName
from fedserver.events import INBOX
from fedserver.services import acct_ids, fetch, refusals
from fedserver.services.fetch import Budget
from fedserver.workers.traffic import travelled
from storage.failures import is_temporary
from storage.inbox import (
    CLAIM_ITEMS,
    GIVE_BACK_ITEMS,
    NEXT_DUE_AT,
    RETRY_ITEM,
    SETTLE,
    InboxRow,
)

log = logging.getLogger(__name__)

BATCH = 50
# Items that use the processor and the database at once; what waits for a peer does neither, and of
# that there may be as much as there are actors under way.
AT_ONCE = 8
MAX_ACTORS = 64
ITEM_WITHIN_S = 120.0
MAX_TRIES = 6
CLAIM_FOR = timedelta(minutes=5)
# So that what cannot be settled for a while is not claimed again and again.
GIVE_BACK_AFTER = timedelta(seconds=1)
SWEEP_EVERY_S = 60.0
_DATABASE_PAUSE_S = 1.0


@dataclass(slots=True)
class _Underway:
    """What this process has claimed."""

    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    actors: set[str] = field(default_factory=set)
    # Actors that the last claims left out: there may be more of them in the inbox.
    passed_over: set[str] = field(default_factory=set)
    unfinished: list[int] = field(default_factory=list)


async def process_always(ctx: Context) -> None:
    """Process due items until cancelled; sleep until one comes or is due again."""
    underway = _Underway()
    try:
        async with asyncio.TaskGroup() as tasks:
            while True:
                try:
                    await _process_due(ctx, underway, tasks)
                except Exception as error:  # the worker outlives a restart of the database
                    if not is_temporary(error):
                        raise
                    log.warning("the inbox waits for the database: %s", error)
                    await asyncio.sleep(_DATABASE_PAUSE_S)
    finally:
        await _give_back_at_the_end(ctx, underway)


async def _process_due(ctx: Context, underway: _Underway, tasks: asyncio.TaskGroup) -> None:
    """Start what is due; where that was all, wait for more."""
    await _give_back(ctx, underway)
    if await _start_batch(ctx, underway, tasks) < BATCH:
        await ctx.events.wait(INBOX, timeout_s=await _idle_s(ctx, underway))


async def _start_batch(ctx: Context, underway: _Underway, tasks: asyncio.TaskGroup) -> int:
    """Claim items of actors of whom nothing is under way; give how many there were."""
    underway.passed_over |= underway.actors
    if len(underway.actors) >= MAX_ACTORS:
        return 0
    now = ctx.clock.now()
    until = now + CLAIM_FOR
    rows = await ctx.db.fetch(CLAIM_ITEMS, now, until, BATCH, list(underway.actors))
    by_actor: dict[str, deque[InboxRow]] = defaultdict(deque)
    for row in sorted(rows, key=lambda row: row.id):
        by_actor[row.actor_uri].append(row)
    underway.actors |= by_actor.keys()
    for actor, items in by_actor.items():
        tasks.create_task(_process_in_order(ctx, underway, actor, items, until))
    return len(rows)


async def _idle_s(ctx: Context, underway: _Underway) -> float:
    due_at = await ctx.db.value(NEXT_DUE_AT, list(underway.actors))
    if due_at is None or len(underway.actors) >= MAX_ACTORS:
        return SWEEP_EVERY_S
    return min(SWEEP_EVERY_S, max(0.0, (due_at - ctx.clock.now()).total_seconds()))


async def _process_in_order(
    ctx: Context, underway: _Underway, actor: str, items: deque[InboxRow], until: datetime
) -> None:
    last_start = until - timedelta(seconds=ITEM_WITHIN_S)
    try:
        while items and ctx.clock.now() < last_start:
            async with underway.places:
                await process_item(ctx, items[0], underway.places)
            items.popleft()
    except Exception as error:  # one actor's trouble is not the others'
        if not is_temporary(error):
            log.exception("activities of %s cannot be processed", actor)
    finally:
        underway.unfinished += [item.id for item in items]
        underway.actors.discard(actor)
        if items or actor in underway.passed_over:
            underway.passed_over.discard(actor)
            ctx.events.wake(INBOX)


async def _give_back(ctx: Context, underway: _Underway) -> None:
    if underway.unfinished:
        given_back = underway.unfinished.copy()
        await ctx.db.execute(GIVE_BACK_ITEMS, given_back, ctx.clock.now() + GIVE_BACK_AFTER)
        del underway.unfinished[: len(given_back)]


async def _give_back_at_the_end(ctx: Context, underway: _Underway) -> None:
    try:
        await _give_back(ctx, underway)
    except Exception as error:  # they are due by themselves when the claim ends
        if not is_temporary(error):
            raise


async def process_item(ctx: Context, row: InboxRow, places: asyncio.Semaphore) -> Outcome:
    """Process one item in one of `places`, and settle it.

    Raises only what the database raises on settling.
    """
    begun_s = ctx.clock.monotonic()
    budget = Budget(ctx.config.federation.fetch_budget, places)
    outcome = await _settle(ctx, row, await _outcome(ctx, row, budget))
    travelled(
        activity=row.type,
        source=row.actor_uri,
        destination=ctx.config.instance.domain,
        outcome=outcome.name,
        duration_ms=(ctx.clock.monotonic() - begun_s) * 1000,
    )
    return outcome


async def _outcome(ctx: Context, row: InboxRow, budget: Budget) -> Outcome:
    try:
        async with asyncio.timeout(ITEM_WITHIN_S):
            return await _receive(ctx, row, budget)
    except TimeoutError:
        return Outcome(OutcomeName.RETRY, "it took too long")
    except Exception as error:  # one bad item never stops those behind it
        if not is_temporary(error):
            log.exception("activity %s cannot be processed", row.activity_uri)
        return Outcome(OutcomeName.RETRY, f"{type(error).__name__}: {error}"[:500])


async def _receive(ctx: Context, row: InboxRow, budget: Budget) -> Outcome:
    try:
        loaded = loads(row.body, max_bytes=len(row.body))
        if isinstance(inner := loaded.get("object"), dict):
            budget.bring(inner)
        document = await fetch.plain(loaded)
        if b"acct:" in row.body:
            document = await acct_ids.with_urls(ctx, document, budget)
        activity = parse_activity(document)
        if activity.actor != row.actor_uri:
            hearsay = read_hearsay(activity, row.actor_uri)
            return await effects.receive_hearsay(ctx, hearsay, budget, item_id=row.id)
        verified = authenticate(activity, row.actor_uri)
    except ProtocolError as error:
        return Outcome(OutcomeName.REFUSED, error.reason)
    return await effects.receive(ctx, verified, budget, item_id=row.id)


async def _settle(ctx: Context, row: InboxRow, outcome: Outcome) -> Outcome:
    if outcome.name in (OutcomeName.DONE, OutcomeName.DUPLICATE):
        return outcome  # settled in the transaction of its effects
    now = ctx.clock.now()
    if outcome.name is OutcomeName.RETRY:
        if row.attempts < MAX_TRIES:
            await ctx.db.execute(RETRY_ITEM, row.id, now + _pause(row.attempts), outcome.reason)
            return outcome
        outcome = Outcome(OutcomeName.FAILED, outcome.reason)
    await ctx.db.execute(SETTLE, row.id, outcome.name, outcome.reason, now)
    if outcome.name in (OutcomeName.REFUSED, OutcomeName.FAILED):
        await refusals.note(ctx, host_of(row.actor_uri), "us", row.type, outcome.reason or "")
    return outcome


def _pause(attempts: int) -> timedelta:
    """How long an item waits after so many tries: 30 s, 2 min, 8 min, 32 min, 2 h; up to half as
    long again, so that all who wait for one peer do not ask it at one moment."""
    return timedelta(seconds=30 * 4 ** (attempts - 1) * (1 + random.random() / 2))

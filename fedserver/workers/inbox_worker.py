"""Processes what the inboxes stored: each item once, in order for each actor, with an outcome."""

import asyncio
import logging
from collections import defaultdict
from datetime import timedelta

from activitypub.errors import ProtocolError
from activitypub.json_bytes import loads
from activitypub.parse import parse_activity
from activitypub.trust import authenticate
from fedserver import effects
from fedserver.context import Context
from fedserver.effects import Outcome, OutcomeName
from fedserver.events import INBOX
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from fedserver.workers.traffic import travelled
from storage.database import StorageError
from storage.failures import is_temporary
from storage.inbox import (
    CLAIM_ITEMS,
    NEXT_DUE_AT,
    RETRY_ITEM,
    SETTLE,
    InboxRow,
)

log = logging.getLogger(__name__)

BATCH = 50
AT_ONCE = 8
MAX_TRIES = 6
CLAIM_FOR = timedelta(minutes=5)
SWEEP_EVERY_S = 60.0
_DATABASE_PAUSE_S = 1.0


async def process_always(ctx: Context) -> None:
    """Process due items until cancelled; sleep until one comes or is due again."""
    while True:
        try:
            if not await process_due(ctx):
                await ctx.events.wait(INBOX, timeout_s=await _idle_s(ctx))
        except Exception as error:  # the worker outlives a restart of the database
            if not is_temporary(error):
                raise
            log.warning("the inbox waits for the database: %s", error)
            await asyncio.sleep(_DATABASE_PAUSE_S)


async def process_due(ctx: Context) -> int:
    """Claim a batch and process it; give how many items it had."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(CLAIM_ITEMS, now, now + CLAIM_FOR, BATCH)
    by_actor: dict[str, list[InboxRow]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        by_actor[row.actor_uri].append(row)
    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for of_actor in by_actor.values():
            tasks.create_task(_process_in_order(ctx, of_actor, places))
    return len(rows)


async def _idle_s(ctx: Context) -> float:
    due_at = await ctx.db.value(NEXT_DUE_AT)
    if due_at is None:
        return SWEEP_EVERY_S
    return min(SWEEP_EVERY_S, max(0.0, (due_at - ctx.clock.now()).total_seconds()))


async def _process_in_order(ctx: Context, rows: list[InboxRow], places: asyncio.Semaphore) -> None:
    async with places:
        for row in rows:
            await process_item(ctx, row)


async def process_item(ctx: Context, row: InboxRow) -> Outcome:
    """Process one item and settle it. One bad item never stops those behind it."""
    begun_s = ctx.clock.monotonic()
    try:
        outcome = await _receive(ctx, row)
    except Exception as error:
        if is_temporary(error) or isinstance(error, StorageError):
            raise
        log.exception("activity %s cannot be processed", row.activity_uri)
        outcome = Outcome(OutcomeName.RETRY, f"{type(error).__name__}: {error}")
    outcome = await _settle(ctx, row, outcome)
    travelled(
        activity=row.type,
        source=row.actor_uri,
        destination=ctx.config.instance.domain,
        outcome=outcome.name,
        duration_ms=(ctx.clock.monotonic() - begun_s) * 1000,
    )
    return outcome


async def _receive(ctx: Context, row: InboxRow) -> Outcome:
    try:
        activity = parse_activity(await fetch.plain(loads(row.body, max_bytes=len(row.body))))
        verified = authenticate(activity, row.actor_uri)
    except ProtocolError as error:
        return Outcome(OutcomeName.REFUSED, error.reason)
    budget = Budget(ctx.config.federation.fetch_budget)
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
    return outcome


def _pause(attempts: int) -> timedelta:
    """How long an item waits after so many tries: 30 s, 2 min, 8 min, 32 min, 2 h."""
    return timedelta(seconds=30 * 4 ** (attempts - 1))

"""Delivers to peers, one lane for each host: the oldest first, a few in flight, back-off for the
whole lane. Nothing of the queue is in memory but the batches being sent."""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

from activitypub.signatures import Dialect, SignatureWish
from fedserver.context import Context
from fedserver.errors import NotFound, Unreachable
from fedserver.events import DELIVERIES
from fedserver.outgoing import Response
from fedserver.services import fetch, signing
from fedserver.workers.retries import next_try, read_retry_after
from fedserver.workers.traffic import travelled
from storage.deliveries import (
    COUNT_ATTEMPTS,
    DELETE_OVERDUE,
    DELIVERIES_OF_LANES,
    IS_SHARED_INBOX,
    DeliveryRow,
    LaneStore,
    Settlement,
)
from storage.failures import is_temporary
from storage.hosts import (
    HOST_GONE,
    LEASE_LANES,
    NEXT_LANE_AT,
    NOTE_REFUSAL,
    POSTPONE_LANE,
    RELEASE_LANE,
    REMEMBER_DIALECT,
    RENEW_LEASE,
    LaneRow,
)

log = logging.getLogger(__name__)

LANES_AT_ONCE = 50
LANE_BATCH = 20
IN_FLIGHT_PER_HOST = 2
# How often an activity is offered whose signature the host does not believe.
MAX_DOUBTS = 3
LEASE_FOR = timedelta(minutes=3)
SWEEP_EVERY_S = 60.0
_DATABASE_PAUSE_S = 1.0
# Lanes end in swarms: the places of a swarm are filled by one statement.
_GATHER_S = 0.01
_SECOND_KNOCK = frozenset({400, 401, 403})
_random = random.Random()


class Verdict(Enum):
    """What the answer to a delivery means for its row and for its lane."""

    DELIVERED = auto()
    REFUSED = auto()  # this activity is not wanted there: its row goes
    GONE = auto()  # the inbox does not exist any more
    LATER = auto()  # the host has trouble: the lane waits
    DOUBTFUL = auto()  # not believed: the host may have failed to fetch our key


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one delivery."""

    row: DeliveryRow
    verdict: Verdict
    reason: str
    retry_after: timedelta | None = None
    refusal: Response | None = None


async def deliver_always(ctx: Context) -> None:
    """Deliver until cancelled; sleep until something is to be sent or a lane is due again."""
    running: set[asyncio.Task[None]] = set()
    lanes = LaneStore(ctx.db)
    async with asyncio.TaskGroup() as tasks:
        while True:
            try:
                await _start_lanes(ctx, lanes, tasks, running)
                await _wait(ctx, running)
            except Exception as error:  # the worker outlives a restart of the database
                if not is_temporary(error):
                    raise
                log.warning("deliveries wait for the database: %s", error)
                await asyncio.sleep(_DATABASE_PAUSE_S)


async def _start_lanes(
    ctx: Context,
    lanes: LaneStore,
    tasks: asyncio.TaskGroup,
    running: set[asyncio.Task[None]],
) -> None:
    free = LANES_AT_ONCE - len(running)
    if free <= 0:
        return
    for lane, rows in await lease(ctx, free):
        task = tasks.create_task(_run_lane(ctx, lanes, lane, rows))
        running.add(task)
        task.add_done_callback(running.discard)


async def lease(ctx: Context, at_most: int) -> list[tuple[LaneRow, list[DeliveryRow]]]:
    """Take due lanes for this process, each with the oldest that waits in it."""
    now = ctx.clock.now()
    leased = await ctx.db.fetch(LEASE_LANES, now, now + LEASE_FOR, at_most)
    if not leased:
        return []
    rows: dict[str, list[DeliveryRow]] = {lane.host: [] for lane in leased}
    for row in await ctx.db.fetch(DELIVERIES_OF_LANES, list(rows), LANE_BATCH):
        rows[row.host].append(row)
    return [(lane, rows[lane.host]) for lane in leased]


async def _wait(ctx: Context, running: set[asyncio.Task[None]]) -> None:
    if len(running) >= LANES_AT_ONCE:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(_GATHER_S)
        return
    due_at = await ctx.db.value(NEXT_LANE_AT)
    pause_s = SWEEP_EVERY_S
    if due_at is not None:
        pause_s = min(pause_s, max(0.05, (due_at - ctx.clock.now()).total_seconds()))
    await ctx.events.wait(DELIVERIES, timeout_s=pause_s)


async def _run_lane(ctx: Context, lanes: LaneStore, lane: LaneRow, rows: list[DeliveryRow]) -> None:
    try:
        await run_lane(ctx, lanes, lane, rows)
    except asyncio.CancelledError:
        await _release(ctx, lane.host)
        raise
    except Exception as error:  # one lane's trouble is not the others'
        if not is_temporary(error):
            log.exception("deliveries to %s stopped", lane.host)
        # The lease ends by itself, and the lane is tried again.


async def _release(ctx: Context, host: str) -> None:
    """At an orderly stop: the next process need not wait for the end of the lease."""
    try:
        await ctx.db.execute(RELEASE_LANE, host)
    except Exception as error:
        if not is_temporary(error):
            raise


async def run_lane(ctx: Context, lanes: LaneStore, lane: LaneRow, rows: list[DeliveryRow]) -> None:
    """Send what waits for one host, beginning with `rows`, until nothing is left or the host has
    trouble."""
    dialect = Dialect(lane.dialect)
    succeeded = False
    while True:
        sent, dialect = await _send_batch(ctx, lane.host, rows, dialect)
        succeeded = succeeded or any(one.verdict is Verdict.DELIVERED for one in sent)
        trouble = _first(sent, Verdict.LATER) or _first(sent, Verdict.DOUBTFUL)
        is_last = trouble is None and len(rows) < LANE_BATCH
        await _settle(ctx, lanes, lane.host, sent, succeeded=succeeded, close=is_last)
        if await _is_host_gone(ctx, sent):
            await ctx.db.execute(HOST_GONE, lane.host, ctx.clock.now(), "answered 410")
            return
        if trouble is not None:
            await _postpone(ctx, lane, trouble, succeeded)
            return
        if is_last:
            return
        await ctx.db.execute(RENEW_LEASE, lane.host, ctx.clock.now() + LEASE_FOR)
        rows = await ctx.db.fetch(DELIVERIES_OF_LANES, [lane.host], LANE_BATCH)


def _first(sent: Sequence[Sent], verdict: Verdict) -> Sent | None:
    return next((one for one in sent if one.verdict is verdict), None)


async def _is_host_gone(ctx: Context, sent: Sequence[Sent]) -> bool:
    """A shared inbox that is gone speaks for its host; a person's inbox only for the person."""
    for inbox in {one.row.inbox_url for one in sent if one.verdict is Verdict.GONE}:
        if await ctx.db.value(IS_SHARED_INBOX, inbox):
            return True
    return False


async def _send_batch(
    ctx: Context, host: str, rows: Sequence[DeliveryRow], dialect: Dialect
) -> tuple[list[Sent], Dialect]:
    """Send a batch; the first goes alone, so that what it teaches holds for the others."""
    if not rows:
        return [], dialect
    first = await _send(ctx, rows[0], dialect)
    if first.refusal is not None:
        other, wish = signing.second_knock(dialect, first.refusal, with_body=True)
        again = await _send(ctx, rows[0], other, wish)
        if again.verdict is Verdict.DELIVERED:
            await ctx.db.execute(REMEMBER_DIALECT, host, str(other), ctx.clock.now())
            first, dialect = again, other
    if first.verdict is Verdict.LATER:
        return [first], dialect
    if len(rows) == 1:
        return [first], dialect
    places = asyncio.Semaphore(IN_FLIGHT_PER_HOST)

    async def send_one(row: DeliveryRow) -> Sent:
        async with places:
            return await _send(ctx, row, dialect)

    return [first, *await asyncio.gather(*map(send_one, rows[1:]))], dialect


async def _send(
    ctx: Context, row: DeliveryRow, dialect: Dialect, wish: SignatureWish | None = None
) -> Sent:
    begun_s = ctx.clock.monotonic()
    try:
        sent = await _post(ctx, row, dialect, wish)
    except Exception as error:  # one bad activity never stops those behind it
        if is_temporary(error):
            raise
        log.exception("activity %d cannot be delivered", row.activity_id)
        sent = _doubtful(row, type(error).__name__)
    travelled(
        activity=row.type,
        source=ctx.config.instance.domain,
        destination=row.inbox_url,
        outcome=sent.verdict.name.lower() if sent.reason == "" else sent.reason,
        duration_ms=(ctx.clock.monotonic() - begun_s) * 1000,
    )
    return sent


async def _post(
    ctx: Context, row: DeliveryRow, dialect: Dialect, wish: SignatureWish | None
) -> Sent:
    try:
        key = await signing.signing_key(ctx, row.account_id)
        response = await ctx.out.request(
            "POST",
            row.inbox_url,
            headers={"Content-Type": signing.ACTIVITY_JSON},
            body=row.document,
            limits=fetch.limits(ctx),
            signer=signing.signer(ctx, key, dialect, wish),
            repeatable=True,  # the receiver knows a repeated activity by its id
        )
    except Unreachable as error:
        return Sent(row, Verdict.LATER, error.reason)
    except NotFound as error:
        return Sent(row, Verdict.REFUSED, str(error))
    return _judge(ctx, row, response)


def _judge(ctx: Context, row: DeliveryRow, response: Response) -> Sent:
    status = response.status
    if 200 <= status < 300:
        return Sent(row, Verdict.DELIVERED, "")
    if status == 410:
        return Sent(row, Verdict.GONE, "410")
    if status in (408, 425, 429) or status >= 500:
        retry_after = read_retry_after(response.headers.get("Retry-After"), ctx.clock.now())
        return Sent(row, Verdict.LATER, f"answered {status}", retry_after)
    sent = Sent(row, Verdict.REFUSED, f"{status}")
    if status in (401, 403):
        sent = _doubtful(row, f"{status}")
    return replace(sent, refusal=response) if status in _SECOND_KNOCK else sent


def _doubtful(row: DeliveryRow, reason: str) -> Sent:
    """It may go better another time; after some times it is refused."""
    is_last = row.attempts + 1 >= MAX_DOUBTS
    return Sent(row, Verdict.REFUSED if is_last else Verdict.DOUBTFUL, reason)


async def _settle(
    ctx: Context,
    lanes: LaneStore,
    host: str,
    sent: Sequence[Sent],
    *,
    succeeded: bool,
    close: bool,
) -> None:
    doubtful = [one.row for one in sent if one.verdict is Verdict.DOUBTFUL]
    if doubtful:
        await ctx.db.execute(COUNT_ATTEMPTS, *_keys(doubtful))
    ended = [one.row for one in sent if one.verdict not in (Verdict.LATER, Verdict.DOUBTFUL)]
    awake = await lanes.settle(Settlement(host, ended, succeeded, close, ctx.clock.now()))
    if awake:
        ctx.events.wake(DELIVERIES)
    refused = [one for one in sent if one.verdict is Verdict.REFUSED]
    if refused:
        await ctx.db.execute(NOTE_REFUSAL, host, ctx.clock.now(), refused[0].reason)


def _keys(rows: Sequence[DeliveryRow]) -> tuple[list[int], list[str]]:
    return [row.activity_id for row in rows], [row.inbox_url for row in rows]


async def _postpone(ctx: Context, lane: LaneRow, trouble: Sent, succeeded: bool) -> None:
    now = ctx.clock.now()
    failures = 1 if succeeded else lane.failures + 1
    at = next_try(failures, now, trouble.retry_after, _random)
    await ctx.db.execute(POSTPONE_LANE, lane.host, at, now, trouble.reason, failures)
    give_up = timedelta(days=ctx.config.federation.delivery_give_up_days)
    await ctx.db.execute(DELETE_OVERDUE, lane.host, now - give_up)

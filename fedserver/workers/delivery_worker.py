"""Delivers to peers, one lane for each host: the oldest first, a few in flight, back-off for the
whole lane. Nothing of the queue is in memory but the batches being sent."""

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum, auto
from functools import partial
from itertools import chain

from activitypub.signatures import Dialect, SignatureWish
from fedserver.context import Context
from fedserver.errors import NotFound, Unreachable
from fedserver.events import DELIVERIES
from fedserver.outgoing import Response
from fedserver.services import fetch, followers, refusals, signing
from fedserver.services.retry_after import read_retry_after
from fedserver.workers.replay import park_if_dead, write_missed
from fedserver.workers.retries import next_try
from fedserver.workers.traffic import travelled
from storage.deliveries import (
    COUNT_ATTEMPTS,
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
# Of those that failed, or were never heard of: they may take long to say nothing.
TRIALS_AT_ONCE = 20
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


@dataclass(slots=True)
class _Running:
    """The lanes under way. Hosts on trial have places of their own."""

    well: set[asyncio.Task[None]] = field(default_factory=set)
    on_trial: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def free(self) -> int:
        """Places for hosts that are well."""
        return LANES_AT_ONCE - len(self.well)

    @property
    def free_trials(self) -> int:
        """Places for the others."""
        return TRIALS_AT_ONCE - len(self.on_trial)


async def deliver_always(ctx: Context) -> None:
    """Deliver until cancelled; sleep until something is to be sent or a lane is due again."""
    running = _Running()
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
    running: _Running,
) -> None:
    if running.free <= 0 and running.free_trials <= 0:
        return
    for lane, rows in await lease(ctx, running.free, running.free_trials):
        task = tasks.create_task(_run_lane(ctx, lanes, lane, rows))
        if lane.on_trial:
            running.on_trial.add(task)
            task.add_done_callback(partial(_end_trial, ctx, running))
        else:
            running.well.add(task)
            task.add_done_callback(running.well.discard)


def _end_trial(ctx: Context, running: _Running, task: asyncio.Task[None]) -> None:
    """Where all places were taken, nobody looked whether another trial is due."""
    if running.free_trials <= 0:
        ctx.events.wake(DELIVERIES)
    running.on_trial.discard(task)


async def lease(
    ctx: Context, at_most: int, trials: int = TRIALS_AT_ONCE
) -> list[tuple[LaneRow, list[DeliveryRow]]]:
    """Take due lanes for this process, each with the oldest that waits in it: `at_most` of hosts
    that are well, and so many `trials` of the others."""
    now = ctx.clock.now()
    leased = await ctx.db.fetch(LEASE_LANES, now, now + LEASE_FOR, max(at_most, 0), max(trials, 0))
    if not leased:
        return []
    rows: dict[str, list[DeliveryRow]] = {lane.host: [] for lane in leased}
    for row in await ctx.db.fetch(DELIVERIES_OF_LANES, list(rows), LANE_BATCH):
        rows[row.host].append(row)
    return [(lane, rows[lane.host]) for lane in leased]


async def _wait(ctx: Context, running: _Running) -> None:
    if running.free <= 0:
        tasks = running.well | running.on_trial
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(_GATHER_S)
        return
    has_trials = running.free_trials > 0
    due_at = await ctx.db.value(NEXT_LANE_AT, has_trials)
    pause_s = SWEEP_EVERY_S
    if due_at is not None:
        pause_s = min(pause_s, max(0.05, (due_at - ctx.clock.now()).total_seconds()))
    await ctx.events.wait(DELIVERIES, timeout_s=pause_s)
    if not has_trials:
        await asyncio.sleep(_GATHER_S)


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
    succeeded = answered = False
    if not rows and lane.missed_from is not None:
        await write_missed(ctx, lane)
        rows = await ctx.db.fetch(DELIVERIES_OF_LANES, [lane.host], LANE_BATCH)
    while True:
        sent, dialect = await _send_batch(ctx, lane.host, rows, dialect)
        succeeded = succeeded or any(one.verdict is Verdict.DELIVERED for one in sent)
        trouble = _first(sent, Verdict.LATER) or _first(sent, Verdict.DOUBTFUL)
        is_last = trouble is None and len(rows) < LANE_BATCH
        answered = answered or (bool(sent) and trouble is None)
        settlement = _settlement(ctx, lane.host, sent, succeeded, answered, is_last)
        await _settle(ctx, lanes, settlement, sent)
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
    return [first, *await _send_others(ctx, rows[1:], dialect)], dialect


async def _send_others(
    ctx: Context, rows: Sequence[DeliveryRow], dialect: Dialect
) -> Sequence[Sent]:
    """Send a few at a time, each account's in order: no Undo overtakes what it undoes."""
    places = asyncio.Semaphore(IN_FLIGHT_PER_HOST)
    by_account: dict[int, list[DeliveryRow]] = {}
    for row in rows:
        by_account.setdefault(row.account_id, []).append(row)

    async def send_in_order(own: Sequence[DeliveryRow]) -> list[Sent]:
        sent: list[Sent] = []
        for row in own:
            async with places:
                sent.append(await _send(ctx, row, dialect))
            if sent[-1].verdict in (Verdict.LATER, Verdict.DOUBTFUL):
                break
        return sent

    return list(chain.from_iterable(await asyncio.gather(*map(send_in_order, by_account.values()))))


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
    if ctx.domains.refuses(row.host):
        return Sent(row, Verdict.REFUSED, "there is no federation with it")
    try:
        key = await signing.signing_key(ctx, row.account_id, row.activity_uri)
        more = await followers.header_for(ctx, row.account_id, row.inbox_url, row.document)
        response = await ctx.out.request(
            "POST",
            row.inbox_url,
            headers={"Content-Type": signing.ACTIVITY_JSON},
            body=row.document,
            limits=fetch.limits(ctx),
            signer=signing.signer(ctx, key, dialect, wish, more),
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


def _settlement(
    ctx: Context, host: str, sent: Sequence[Sent], succeeded: bool, answered: bool, close: bool
) -> Settlement:
    ended = [one.row for one in sent if one.verdict not in (Verdict.LATER, Verdict.DOUBTFUL)]
    return Settlement(
        host, ended, succeeded=succeeded, answered=answered, close=close, now=ctx.clock.now()
    )


async def _settle(
    ctx: Context,
    lanes: LaneStore,
    settlement: Settlement,
    sent: Sequence[Sent],
) -> None:
    doubtful = [one.row for one in sent if one.verdict is Verdict.DOUBTFUL]
    if doubtful:
        await ctx.db.execute(COUNT_ATTEMPTS, *_keys(doubtful))
    if await lanes.settle(settlement):
        ctx.events.wake(DELIVERIES)
    refused = [one for one in sent if one.verdict is Verdict.REFUSED]
    if refused:
        first = refused[0]
        await ctx.db.execute(NOTE_REFUSAL, settlement.host, ctx.clock.now(), first.reason)
        await refusals.note(
            ctx, settlement.host, "them", first.row.type, f"answered {first.reason}"
        )


def _keys(rows: Sequence[DeliveryRow]) -> tuple[list[int], list[str]]:
    return [row.activity_id for row in rows], [row.inbox_url for row in rows]


async def _postpone(ctx: Context, lane: LaneRow, trouble: Sent, succeeded: bool) -> None:
    now = ctx.clock.now()
    failures = 1 if succeeded else lane.failures + 1
    since = now if succeeded or lane.failing_since is None else lane.failing_since
    at = next_try(failures, now - since, now, trouble.retry_after, _random)
    await ctx.db.execute(POSTPONE_LANE, lane.host, at, now, trouble.reason, failures, since)
    await park_if_dead(ctx, lane.host)

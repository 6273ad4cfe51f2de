"""Says what was planned, peer by peer: paced, in each account's order, resumed where it ended.

What is to be said, and what came of it, is in tables; a process that is killed loses nothing. A
message that was taken but not noted is sent again under the same id.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from activitypub.errors import ProtocolError
from activitypub.json_bytes import dumps, loads
from activitypub.signatures import Dialect as SignatureDialect
from activitypub.signatures import SignatureWish
from fedserver.clock import Clock
from fedserver.context import Context
from fedserver.errors import FedserverError, NotFound, StartError, Unreachable
from fedserver.events import EVACUATION
from fedserver.outgoing import Response
from fedserver.services import fetch, signing, successions
from fedserver.services.retry_after import read_retry_after
from fedserver.services.work_loop import Work, work_always
from fedserver.survival.evacuation.dialects import IF_NOBODY_CAME, Dialect, Step, dialect_of
from fedserver.survival.evacuation.speaking import Said, Speaker, speaker, words
from fedserver.timed_cache import TimedCache
from storage import evacuations as sql
from storage.evacuations import EvacuationRow, MessageRow, PeerTurnRow
from storage.hosts import REMEMBER_DIALECT

log = logging.getLogger(__name__)

LEASE_FOR: Final = timedelta(minutes=2)
# A peer takes the first of a queue at once; what is sent on and on is what a rate is for.
BURST_S: Final = 30.0
GIVE_UP_AFTER: Final = timedelta(days=7)
_HOSTS_AT_ONCE = 200
_TURN_S = 20.0
_BATCH = 64
_ACCOUNTS_AT_ONCE = 8
_MOST_TRIES = 4
_TRY_AGAIN_AFTER = timedelta(seconds=30)
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=15)
_SPEAKERS_KEPT = 2_000
_SPEAKERS_KEPT_S = 60.0
_LOOK_EVERY_S = 1.0
# Said to those only whom it has still to bring along.
_CONDITIONAL: Final = IF_NOBODY_CAME | {Step.FAREWELL}


@dataclass(slots=True)
class Bucket:
    """So many a second, and some at once at first."""

    clock: Clock
    rate: float
    _tokens: float = field(init=False)
    _at_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._tokens = self.rate * BURST_S
        self._at_s = self.clock.monotonic()

    def take(self) -> float:
        """Take one; give how long to wait before it is used, in seconds."""
        now_s = self.clock.monotonic()
        self._tokens = min(self.rate * BURST_S, self._tokens + (now_s - self._at_s) * self.rate)
        self._at_s = now_s
        self._tokens -= 1
        return max(0.0, -self._tokens / self.rate)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one message. Without an `outcome` it is tried again, after `wait` the host."""

    message: MessageRow
    outcome: str | None
    reason: str
    host_waits: bool = False
    retry_after: timedelta | None = None


async def evacuate_always(ctx: Context) -> None:
    """Say what is planned, until cancelled."""
    sender = Sender(ctx)
    work = Work(
        "evacuation",
        sender.work,
        signal=EVACUATION,
        next_at=sql.NEXT_PEER_AT,
        least_s=_LOOK_EVERY_S,
    )
    await work_always(ctx, work)


class Sender:
    """What one process needs to send: how fast to each peer, and documents it made just now."""

    def __init__(self, ctx: Context) -> None:
        """Begin with nothing: what is to be said is in the tables."""
        self._buckets: dict[str, Bucket] = {}
        self._speakers: TimedCache[int, Speaker] = TimedCache(
            ctx.clock, keep_s=_SPEAKERS_KEPT_S, max_entries=_SPEAKERS_KEPT
        )

    async def work(self, ctx: Context) -> int:
        """Send some of what is due; give to how many peers."""
        evacuation = await ctx.db.one(sql.EVACUATION_UNDER_WAY)
        if evacuation is None or evacuation.state == "preparing":
            return 0
        if evacuation.new_base != ctx.config.base_url:
            raise StartError(
                f"This instance goes on at {evacuation.new_base}: set its domain in [instance], and"
                " start it again"
            )
        if evacuation.state == "switched" and await is_reachable(ctx, evacuation):
            await ctx.db.execute(sql.MARK_SENDING, evacuation.id)
            log.info("%s answers: everybody is told now", evacuation.new_base)
        elif evacuation.state != "sending":
            return 0
        return await self._send_due(ctx, evacuation)

    async def _send_due(self, ctx: Context, evacuation: EvacuationRow) -> int:
        now = ctx.clock.now()
        if evacuation.switched_at is not None and now - evacuation.switched_at > GIVE_UP_AFTER:
            await ctx.db.execute(sql.GIVE_UP, evacuation.id, now, "nobody took it for a week")
        turns = await ctx.db.fetch(
            sql.LEASE_PEERS, evacuation.id, now, now + LEASE_FOR, _HOSTS_AT_ONCE
        )
        await asyncio.gather(*(self._turn(ctx, evacuation, turn) for turn in turns))
        if await ctx.db.execute(sql.MARK_DONE, evacuation.id, ctx.clock.now()):
            log.info("the evacuation to %s is done", evacuation.new_base)
        return len(turns)

    async def _turn(self, ctx: Context, evacuation: EvacuationRow, turn: PeerTurnRow) -> None:
        """Send to one peer until nothing is due, it has trouble, or others wait."""
        until_s = ctx.clock.monotonic() + _TURN_S
        failures, not_before = 0, None
        while ctx.clock.monotonic() < until_s:
            now = ctx.clock.now()
            due = await ctx.db.fetch(sql.DUE_MESSAGES, evacuation.id, turn.host, now, _BATCH)
            if not due:
                break
            results = await self._batch(ctx, evacuation, turn, due)
            await _settle(ctx, results)
            trouble = next((one for one in results if one.host_waits), None)
            if trouble is not None:
                failures = turn.failures + 1
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(failures - 1, 10))
                not_before = ctx.clock.now() + max(pause, trouble.retry_after or timedelta())
                break
            await ctx.db.execute(
                sql.RENEW_PEER, evacuation.id, turn.host, ctx.clock.now() + LEASE_FOR
            )
        await ctx.db.execute(sql.RELEASE_PEER, evacuation.id, turn.host, not_before, failures)

    async def _batch(
        self,
        ctx: Context,
        evacuation: EvacuationRow,
        turn: PeerTurnRow,
        due: Sequence[MessageRow],
    ) -> list[Result]:
        """Send a batch, some accounts at once, each account's messages in their order."""
        results = [Result(one, "not needed", "all have come") for one in due if not _is_needed(one)]
        peer = _Peer(ctx, turn, self._bucket(ctx, evacuation, turn.host))
        places = asyncio.Semaphore(_ACCOUNTS_AT_ONCE)

        async def one_account(messages: Sequence[MessageRow]) -> None:
            async with places:
                for message in messages:
                    if peer.in_trouble:
                        return
                    results.append(await self._send(ctx, evacuation, peer, message))

        await asyncio.gather(*map(one_account, _by_account(filter(_is_needed, due))))
        return results

    def _bucket(self, ctx: Context, evacuation: EvacuationRow, host: str) -> Bucket:
        bucket = self._buckets.get(host)
        if bucket is None or bucket.rate != evacuation.rate:
            bucket = self._buckets[host] = Bucket(ctx.clock, evacuation.rate)
        return bucket

    async def _send(
        self, ctx: Context, evacuation: EvacuationRow, peer: "_Peer", message: MessageRow
    ) -> Result:
        try:
            who = self._speakers.get(message.account_id)
            if who is None:
                who = await speaker(ctx, evacuation, message.account_id)
                self._speakers.put(message.account_id, who)
        except NotFound as error:
            return Result(message, "given up", str(error))
        at = evacuation.switched_at or evacuation.created_at
        return await peer.tell(message, words(evacuation, peer.dialect, message, who, at))


class _Peer:
    """One peer, for the length of a batch."""

    def __init__(self, ctx: Context, turn: PeerTurnRow, bucket: Bucket) -> None:
        self._ctx = ctx
        self._host = turn.host
        self._bucket = bucket
        self._signed_as = SignatureDialect(turn.dialect)
        self.dialect: Dialect = dialect_of(turn.family)
        self.in_trouble = False

    async def tell(self, message: MessageRow, said: Said) -> Result:
        """Send one activity, at the pace of the peer; once more in the other dialect of signatures
        where that may help."""
        wait_s = self._bucket.take()
        if wait_s:
            await asyncio.sleep(wait_s)
        try:
            response = await self._post(message.inbox_url, said, self._signed_as)
            if response.status in (400, 401, 403):
                other, wish = signing.second_knock(self._signed_as, response, with_body=True)
                again = await self._post(message.inbox_url, said, other, wish)
                if 200 <= again.status < 300:
                    response, self._signed_as = again, other
                    await self._ctx.db.execute(
                        REMEMBER_DIALECT, self._host, str(other), self._ctx.clock.now()
                    )
        except Unreachable as error:
            self.in_trouble = True
            return Result(message, None, error.reason, host_waits=True)
        result = _judged(message, response, self._ctx.clock.now())
        self.in_trouble = self.in_trouble or result.host_waits
        return result

    async def _post(
        self,
        inbox_url: str,
        said: Said,
        signed_as: SignatureDialect,
        wish: SignatureWish | None = None,
    ) -> Response:
        return await self._ctx.out.request(
            "POST",
            inbox_url,
            headers={"Content-Type": signing.ACTIVITY_JSON},
            body=dumps(said.document),
            limits=fetch.limits(self._ctx),
            signer=signing.signer(self._ctx, said.key, signed_as, wish),
            repeatable=True,
        )


async def is_reachable(ctx: Context, evacuation: EvacuationRow) -> bool:
    """Whether the new domain leads here: peers read the new accounts there, and a Move that comes
    too early is lost for days."""
    try:
        response = await ctx.out.request(
            "GET", f"{evacuation.new_base}{successions.PATH}", limits=fetch.limits(ctx)
        )
        said = loads(response.body) if response.status == 200 else None
    except (FedserverError, ProtocolError) as error:
        log.warning("%s does not answer yet: %s", evacuation.new_base, error)
        return False
    return isinstance(said, dict) and said.get("instance") == evacuation.new_base


def _is_needed(message: MessageRow) -> bool:
    return message.needed or message.step not in _CONDITIONAL


def _by_account(messages: Iterable[MessageRow]) -> list[list[MessageRow]]:
    groups: dict[int, list[MessageRow]] = {}
    for one in messages:
        groups.setdefault(one.account_id, []).append(one)
    return list(groups.values())


def _judged(message: MessageRow, response: Response, now: datetime) -> Result:
    status = response.status
    if 200 <= status < 300:
        return Result(message, "accepted", "")
    if status in (408, 425, 429) or status >= 500:
        wait = read_retry_after(response.headers.get("Retry-After"), now)
        return Result(message, None, f"answered {status}", host_waits=True, retry_after=wait)
    # It may have asked the dead host for something, and know better the next time.
    if status in (401, 403) and message.attempts + 1 < _MOST_TRIES:
        return Result(message, None, f"answered {status}")
    return Result(message, "refused", f"answered {status}")


async def _settle(ctx: Context, results: Sequence[Result]) -> None:
    ended = [one for one in results if one.outcome is not None]
    now = ctx.clock.now()
    await ctx.db.execute(
        sql.SETTLE_MESSAGES,
        [one.message.id for one in ended],
        [one.outcome for one in ended],
        [one.reason for one in ended],
        now,
    )
    put_off = [one for one in results if one.outcome is None and not one.host_waits]
    if put_off:
        await ctx.db.execute(
            sql.PUT_OFF_MESSAGES,
            [one.message.id for one in put_off],
            [one.reason for one in put_off],
            now + _TRY_AGAIN_AFTER,
        )
    waiting = [one for one in results if one.host_waits]
    if waiting:
        await ctx.db.execute(
            sql.PUT_OFF_MESSAGES,
            [one.message.id for one in waiting],
            [one.reason for one in waiting],
            now,
        )

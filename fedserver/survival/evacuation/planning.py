"""Whom to tell what, and the switch of every account to the new domain.

Keys are made before, some at a time; the switch is one transaction, so that the instance is at one
domain or at the other. All of it may be begun again where it was cut off.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from activitypub.errors import ProtocolError
from activitypub.keys import private_key_to_pem, public_key_to_pem
from activitypub.webfinger import normalise_domain
from fedserver.context import Context
from fedserver.errors import Invalid, Refused
from fedserver.recovery.keys import RecoveryKey
from fedserver.services import successions
from fedserver.services.new_accounts import KEY_PURPOSE, ActorKeys, make_keys
from fedserver.survival.evacuation.dialects import Family, Step, dialect_of
from storage import evacuations as sql
from storage.database import Transaction
from storage.evacuations import EvacuationRow, PlannedRow

DEFAULT_RATE: Final = 5.0
FOLLOW: Final = "follow"
# The first round moves the followers, account by account; then our people follow anew, and what
# is less urgent comes last.
_FIRST, _FOLLOWS, _THEN, _LATE = 1, 2, 3, 4
_KEYS_AT_A_TIME = 16
_PAGES_AT_A_TIME = 5_000
# GoToSocial looks at no Move for five minutes after one that failed.
_LATE_STEPS: Final = {
    Step.MOVE_AGAIN: timedelta(minutes=6),
    Step.REPOINT_LATE: timedelta(minutes=8),
    Step.FAREWELL: timedelta(minutes=15),
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be said: to whom, how often."""

    accounts: int
    peers: Sequence[sql.ProgressRow]
    messages: Sequence[PlannedRow]


@dataclass(frozen=True, slots=True)
class _Timing:
    family: str
    step: str
    round: int
    place: int
    after_s: int


class NotDone(Exception):
    """Takes back the transaction of a plan that was only to be seen."""


async def begin(ctx: Context, old_base: str, domain: str, rate: float) -> EvacuationRow:
    """Begin the evacuation to `domain`, or go on with it.

    Raises Invalid for what is no domain, Refused where another one is under way.
    """
    new_base = _new_base(ctx, old_base, domain)
    known = await ctx.db.one(sql.EVACUATION_UNDER_WAY)
    if known is not None and known.new_base == new_base:
        await ctx.db.execute(sql.SET_RATE, known.id, rate)
        return await under_way(ctx)
    if known is not None and known.state != "preparing":
        raise Refused(
            f"An evacuation to {known.new_base} is under way: everybody is being told of it. Finish"
            " it first; `fedserver evacuate --status` shows how far it is."
        )
    if known is not None:
        await ctx.db.execute(sql.CANCEL_PREPARING, known.id)
    if new_base == old_base:
        raise Invalid(f"The instance is at {domain} already.")
    await ctx.db.value(
        sql.BEGIN_EVACUATION, old_base, new_base, await _next_epoch(ctx), rate, ctx.clock.now()
    )
    return await under_way(ctx)


def _new_base(ctx: Context, old_base: str, domain: str) -> str:
    try:
        name = normalise_domain(domain)
    except ProtocolError as error:
        raise Invalid(f"{domain} is no domain: write it as in new.example") from error
    return f"{old_base.partition('://')[0]}://{name}"


async def _next_epoch(ctx: Context) -> int:
    """Rising also between two hosts that know nothing of each other: the later one counts."""
    known = await ctx.db.value(sql.HIGHEST_EPOCH) or 0
    return max(known + 1, int(ctx.clock.now().timestamp()))


async def under_way(ctx: Context) -> EvacuationRow:
    """Give the evacuation that is not done yet. Raises Refused where there is none."""
    row = await ctx.db.one(sql.EVACUATION_UNDER_WAY)
    if row is None:
        raise Refused("No evacuation is under way: `fedserver evacuate --to NEW-DOMAIN` begins one")
    return row


async def certify(ctx: Context, evacuation: EvacuationRow, key: RecoveryKey) -> None:
    """Let the recovery key say who the successor is."""
    signed = successions.certificate(ctx, evacuation, key)
    await ctx.db.execute(sql.SET_CERTIFICATE, evacuation.id, signed)


async def prepare_keys(ctx: Context, evacuation: EvacuationRow, progress: Progress) -> None:
    """Make new keys for every account; the old ones may be in other hands. Cut off, it goes on
    where it was."""
    total = await ctx.db.value(sql.ACCOUNTS_TO_MOVE, evacuation.old_base) or 0
    done = 0
    while True:
        missing = await ctx.db.values(
            sql.ACCOUNTS_WITHOUT_KEYS, evacuation.old_base, evacuation.id, _KEYS_AT_A_TIME
        )
        done = max(done, total - len(missing)) if len(missing) < _KEYS_AT_A_TIME else done
        progress(min(done, total), total)
        if not missing:
            return
        made = await asyncio.gather(*(make_keys(ctx) for _ in missing))
        await ctx.db.execute(
            sql.PUT_EVACUATION_KEYS, evacuation.id, missing, *key_columns(ctx, made)
        )
        done += len(missing)


def key_columns(
    ctx: Context, made: Sequence[ActorKeys]
) -> tuple[list[str], list[bytes], list[str], list[bytes]]:
    def wrapped(pem: str) -> bytes:
        return ctx.secrets.wrap(pem.encode(), purpose=KEY_PURPOSE)

    return (
        [public_key_to_pem(one.rsa.public_key()) for one in made],
        [wrapped(private_key_to_pem(one.rsa)) for one in made],
        [public_key_to_pem(one.ed25519.public_key()) for one in made],
        [wrapped(private_key_to_pem(one.ed25519)) for one in made],
    )


async def switch(ctx: Context, evacuation: EvacuationRow) -> bool:
    """Let every account go on under the new domain, and plan what is to be said, at once.

    False where somebody has signed up meanwhile, whose keys are to be made first.
    """
    if evacuation.state != "preparing":
        return True
    async with ctx.db.transaction() as tx:
        await tx.execute(sql.LOCK_ACCOUNTS)
        if await tx.values(sql.ACCOUNTS_WITHOUT_KEYS, evacuation.old_base, evacuation.id, 1):
            return False
        await switch_in(ctx, tx, evacuation)
        await tx.execute(sql.FORGET_EVACUATION_KEYS, evacuation.id)
    return True


async def plan(ctx: Context, old_base: str, domain: str) -> Plan:
    """Give what an evacuation would say. Nothing is changed."""
    seen: list[Plan] = []
    try:
        async with ctx.db.transaction() as tx:
            row = await begin_in(ctx, tx, old_base, domain)
            await tx.execute(sql.PRETEND_KEYS, old_base, row.id)
            accounts = await tx.value(sql.ACCOUNTS_TO_MOVE, old_base) or 0
            await _plan_messages(ctx, tx, row.id)
            peers = await tx.fetch(sql.PROGRESS, row.id)
            seen.append(Plan(accounts, peers, await tx.fetch(sql.PLANNED, row.id)))
            raise NotDone
    except NotDone:
        return seen[0]


async def begin_in(ctx: Context, tx: Transaction, old_base: str, domain: str) -> EvacuationRow:
    """Begin an evacuation that will be taken back with `tx`. Raises as `begin`."""
    new_base, epoch = _new_base(ctx, old_base, domain), await _next_epoch(ctx)
    known = await tx.one(sql.EVACUATION_UNDER_WAY)
    if known is not None:
        raise Refused(f"An evacuation to {known.new_base} has begun already")
    now = ctx.clock.now()
    await tx.value(sql.BEGIN_EVACUATION, old_base, new_base, epoch, DEFAULT_RATE, now)
    row = await tx.one(sql.EVACUATION_UNDER_WAY)
    if row is None:
        raise Refused("The evacuation could not be begun")
    return row


async def switch_in(ctx: Context, tx: Transaction, evacuation: EvacuationRow) -> None:
    """Plan what is to be said, and let the accounts that have new keys go on under the new base."""
    old, new, number = evacuation.old_base, evacuation.new_base, evacuation.id
    now = ctx.clock.now()
    await _plan_messages(ctx, tx, number)
    await tx.execute(sql.RENAME_FOLLOWS, number, activity_prefix(new, evacuation.epoch))
    await tx.execute(sql.END_BASE, old, now)
    await tx.execute(sql.BEGIN_BASE, new)
    await tx.execute(sql.OLD_IDENTITIES, number)
    await tx.execute(sql.NEW_IDENTITIES, old, new, number, now)
    await tx.execute(sql.NEW_KEYS, old, new, number, now)
    name = new.partition("://")[2].partition(":")[0]
    await tx.execute(sql.MOVE_ACCOUNTS, old, new, number, name)
    await tx.execute(sql.MARK_SWITCHED, number, now)


async def _plan_messages(ctx: Context, tx: Transaction, number: int) -> None:
    now = ctx.clock.now()
    await tx.execute(sql.NOTE_FOLLOWERS, number)
    peers = [
        (one, dialect_of(one.software))
        for one in await tx.fetch(sql.PEERS_TO_TELL, number)
        if not ctx.domains.refuses(one.host)
    ]
    await tx.execute(
        sql.PUT_PEERS,
        number,
        [one.host for one, _ in peers],
        [one.software for one, _ in peers],
        [dialect.family.value for _, dialect in peers],
        [dialect.per_follower for _, dialect in peers],
        now,
    )
    timings = _timings()
    await tx.execute(
        sql.PLAN_MESSAGES,
        number,
        now,
        [one.family for one in timings],
        [one.step for one in timings],
        [one.round for one in timings],
        [one.place for one in timings],
        [one.after_s for one in timings],
    )
    await tx.execute(sql.PLAN_FOLLOWS, number, now, _FOLLOWS)


def _timings() -> list[_Timing]:
    """Give when each family hears what: what moves its people first."""
    return [
        _timing(family, step, place)
        for family in Family
        for place, step in enumerate(dialect_of(family.value).steps)
    ]


def _timing(family: Family, step: Step, place: int) -> _Timing:
    dialect = dialect_of(family.value)
    moves = Step.MOVED_TO if family is Family.MISSKEY else Step.MOVE
    at_once = step is Step.FAREWELL and dialect.farewell_always
    if step in _LATE_STEPS and not at_once:
        after = _LATE_STEPS[step]
        return _Timing(family, step, _LATE, place, int(after.total_seconds()))
    first = step in (Step.HELLO, Step.REPOINT, moves)
    return _Timing(family, step, _FIRST if first else _THEN, place, 0)


async def move_pages(
    ctx: Context, evacuation: EvacuationRow, progress: Callable[[int], None]
) -> None:
    """Let the pages of posts, and the links in them to our own pages, lead to the new domain."""
    after, done = 0, 0
    while True:
        last = await ctx.db.value(
            sql.MOVE_PAGES, evacuation.old_base, evacuation.new_base, after, _PAGES_AT_A_TIME
        )
        if last is None:
            return
        after, done = last, done + _PAGES_AT_A_TIME
        progress(done)


def activity_prefix(base: str, epoch: int) -> str:
    """Give what stands before a message's number in the id of its activity."""
    return f"{base}/evacuations/{epoch}/"

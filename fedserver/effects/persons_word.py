"""What a peer's person says by their recovery key stands against what their server says."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Final

from activitypub.model import Activity, Actor
from fedserver.context import Context
from fedserver.effects import many
from fedserver.effects.many import Followed
from fedserver.errors import Refused
from fedserver.services.recovery_pins import PERSONS_WORD, Word, pins_of, proven_by
from storage.accounts import ACCOUNTS_BY_IDS, AccountRow
from storage.database import Transaction
from storage.moves import COUNT_FOLLOWS
from storage.recovery_keys import (
    FOLLOW_AGAIN,
    FOLLOWERS_SENT_AWAY,
    FOLLOWS_OF_WHERE_THEY_WENT,
    FORGET_FOLLOWERS,
    PERSON_SPOKE,
)

# What was signed together may come in any order.
_AT_ONE_TIME: Final = timedelta(hours=1)
_OF_THE_ACTOR: Final = frozenset({"Move", "Update", "Delete"})


async def hear(ctx: Context, activity: Activity, actor_uri: str) -> Word | None:
    """Give the word of the person themself, if this is one about their account; None where their
    server says it. Raises Refused where that, or an older word, comes after the person has spoken.
    """
    if activity.type not in _OF_THE_ACTOR or not _is_about(activity, actor_uri):
        return None
    pins = await pins_of(ctx, actor_uri)
    word = proven_by(activity.raw or {}, pins, ctx.clock.now())
    spoke_at = max((one.spoke_at for one in pins if one.spoke_at is not None), default=None)
    if spoke_at is not None and (word is None or word.said_at < spoke_at - _AT_ONE_TIME):
        raise Refused("the person has said otherwise by their recovery key")
    return word


def _is_about(activity: Activity, actor_uri: str) -> bool:
    about = activity.object
    return activity.object_id == actor_uri or (isinstance(about, Actor) and about.id == actor_uri)


async def write_down(tx: Transaction, actor: AccountRow, word: Word) -> None:
    """From now on the server of `actor` has nothing to say of it, and no older word counts."""
    await tx.execute(PERSON_SPOKE, actor.id, word.key, word.said_at)


async def bring_followers_back(
    ctx: Context, tx: Transaction, old: AccountRow, new: AccountRow
) -> bool:
    """Let those here follow `old` again whom its server sent away lately; False for nobody."""
    since = ctx.clock.now() - PERSONS_WORD
    await _leave_where_they_went(ctx, tx, old, new, since)
    gone = await tx.fetch(FOLLOWERS_SENT_AWAY, old.id, since)
    if not gone:
        return False
    again = many.doers(ctx, [(one.follower_id, one.actor_uri) for one in gone])
    begun = await tx.values(
        FOLLOW_AGAIN,
        old.id,
        since,
        [one.account_id for one in again],
        [one.number for one in again],
        [one.uri for one in again],
        ctx.clock.now(),
    )
    await tx.execute(COUNT_FOLLOWS, begun, old.id, 1)
    await tx.execute(FORGET_FOLLOWERS, old.id)
    return True


async def _leave_where_they_went(
    ctx: Context, tx: Transaction, old: AccountRow, new: AccountRow, since: datetime
) -> None:
    rows = await tx.fetch(FOLLOWS_OF_WHERE_THEY_WENT, old.id, since, new.id)
    by_target: dict[int, list[Followed]] = defaultdict(list)
    for row in rows:
        by_target[row.target_id].append(Followed(row.account_id, row.actor_uri, row.uri))
    for target in await tx.fetch(ACCOUNTS_BY_IDS, list(by_target)) if by_target else ():
        await many.unfollow(ctx, tx, target, by_target[target.id])

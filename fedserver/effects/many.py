"""Many of our people do one thing to one account: an activity each, a fixed number of statements.

For what follows from a Move, or from comparing followers, where nobody clicked anything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from activitypub.build import to_document
from activitypub.json_bytes import dumps
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.moves import (
    COUNT_FOLLOWS,
    END_FOLLOWS,
    INSERT_ACTIVITIES,
    INSERT_DELIVERIES_TO_ONE,
)
from storage.replays import SHARE_POSTING


@dataclass(frozen=True, slots=True)
class Doer:
    """One of our people, and the number and id of what they do now."""

    account_id: int
    actor_uri: str
    number: int
    uri: str


@dataclass(frozen=True, slots=True)
class Followed:
    """A follow by one of our people: who, and the id of their Follow."""

    account_id: int
    actor_uri: str
    uri: str


def doers(ctx: Context, people: Iterable[tuple[int, str]]) -> list[Doer]:
    """Give each of `people` (account and actor) a new activity."""
    uris = Uris(ctx.config.base_url)
    found = []
    for account_id, actor_uri in people:
        number = ctx.ids.new()
        found.append(Doer(account_id, actor_uri, number, uris.activity(number)))
    return found


async def tell(
    ctx: Context, tx: Transaction, whom: AccountRow, told: Sequence[tuple[Doer, Activity]]
) -> None:
    """Send `whom` what each has done; somebody of ours sees it by themselves."""
    if whom.local or whom.gone or not told:
        return
    now = ctx.clock.now()
    numbers = [doer.number for doer, _ in told]
    await tx.execute(
        INSERT_ACTIVITIES,
        numbers,
        [doer.uri for doer, _ in told],
        [doer.account_id for doer, _ in told],
        [activity.type for _, activity in told],
        [dumps(to_document(activity)) for _, activity in told],
        now,
        whom.inbox_url,
    )
    host = urlsplit(whom.inbox_url).netloc.lower()
    if ctx.domains.refuses(host):
        return
    await tx.execute(SHARE_POSTING)
    await tx.execute(INSERT_DELIVERIES_TO_ONE, numbers, whom.inbox_url, host, now)


async def tell_of(
    ctx: Context, tx: Transaction, kind: str, whom: AccountRow, told: Sequence[Doer]
) -> None:
    """Send `whom` a Follow or Block of each of `told`."""
    activities = [
        Activity(id=doer.uri, type=kind, actor=doer.actor_uri, object=whom.uri, to=(whom.uri,))
        for doer in told
    ]
    await tell(ctx, tx, whom, list(zip(told, activities, strict=True)))


async def unfollow(
    ctx: Context, tx: Transaction, whom: AccountRow, follows: Sequence[Followed]
) -> None:
    """End the follows of `whom`, and tell `whom`."""
    if not follows:
        return
    ended = await tx.values(END_FOLLOWS, [one.account_id for one in follows], whom.id)
    await tx.execute(COUNT_FOLLOWS, ended, whom.id, -1)
    await tell_of_undone(ctx, tx, whom, follows)


async def tell_of_undone(
    ctx: Context, tx: Transaction, whom: AccountRow, follows: Sequence[Followed]
) -> None:
    """Send `whom` the Undo of each of `follows`."""
    undoing = doers(ctx, [(one.account_id, one.actor_uri) for one in follows])
    activities = [
        Activity(
            id=doer.uri,
            type="Undo",
            actor=doer.actor_uri,
            object=Activity(id=follow.uri, type="Follow", actor=follow.actor_uri, object=whom.uri),
            to=(whom.uri,),
        )
        for doer, follow in zip(undoing, follows, strict=True)
    ]
    await tell(ctx, tx, whom, list(zip(undoing, activities, strict=True)))

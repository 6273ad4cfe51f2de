"""Comparing the followers of a peer's account here with the peer's own list (FEP-8fcf).

What Mastodon does: a follow that the peer does not know ends; one that only the peer knows is
undone there; a request that the peer lists has been accepted.
"""

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urljoin

from activitypub.errors import ProtocolError
from activitypub.followers import digest_of
from activitypub.model import Collection
from activitypub.origins import same_origin
from activitypub.parse import parse_collection
from fedserver.context import Context
from fedserver.effects import many
from fedserver.effects.many import Followed
from fedserver.errors import FedserverError
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.conditions import RESTORE_INCOMPLETE
from storage.database import Transaction
from storage.followers import (
    ACCEPT_FOLLOWS,
    DIFFERENCES,
    END_COMPARISON,
    ComparedRow,
    ComparisonRow,
)
from storage.moves import ADD_AUTHOR_TO_HOMES, COUNT_FOLLOWS
from storage.recovery_keys import KEEP_FOLLOWERS

MAX_PAGES = 10


async def compare_followers(ctx: Context, due: ComparisonRow) -> bool:
    """Read the peer's list and settle what differs. False: there was nothing to believe.

    The next delivery of that account brings the digest again, so that nothing is tried twice.
    """
    asked_at = ctx.clock.now()
    account = await ctx.db.one(ACCOUNT_BY_ID, due.account_id)
    listed = await _listed(ctx, account, due) if account is not None else None
    async with ctx.db.transaction() as tx:
        await tx.execute(END_COMPARISON, due.account_id, due.digest)
        if account is None or listed is None or await tx.value(RESTORE_INCOMPLETE):
            return False
        await _settle(ctx, tx, account, listed, asked_at)
    return True


async def _listed(ctx: Context, account: AccountRow, due: ComparisonRow) -> list[str] | None:
    """Give our people on the peer's list; None unless it has the digest that the peer signed."""
    try:
        listed = await _read(ctx, account, due.url)
    except (FedserverError, ProtocolError):
        return None
    return listed if digest_of(listed) == due.digest else None


async def _read(ctx: Context, account: AccountRow, url: str) -> list[str]:
    budget = Budget(2 * MAX_PAGES)
    collection = parse_collection(await fetch.document(ctx, url, budget))
    found = _ours(ctx, collection)
    page = collection.first
    for _ in range(MAX_PAGES):
        if page is None:
            break
        if isinstance(page, str):
            if not same_origin(page, account.uri):
                break
            page = parse_collection(await fetch.document(ctx, urljoin(url, page), budget))
        found += _ours(ctx, page)
        page = page.next
    return found


def _ours(ctx: Context, collection: Collection) -> list[str]:
    items = [one if isinstance(one, str) else one.id for one in collection.items]
    return [one for one in items if one and same_origin(one, ctx.config.base_url)]


async def _settle(
    ctx: Context, tx: Transaction, account: AccountRow, listed: Sequence[str], asked_at: datetime
) -> None:
    rows = await tx.fetch(DIFFERENCES, account.id, listed)
    accepted = [one.account_id for one in rows if one.listed and one.uri is not None]
    if accepted:
        await _accept(ctx, tx, account, accepted)
    unknown = [one for one in rows if one.listed and one.uri is None]
    await many.tell_of_undone(ctx, tx, account, [_made_up(ctx, one) for one in unknown])
    ended = [
        Followed(one.account_id, one.actor_uri, one.uri)
        for one in rows
        if not one.listed and one.uri is not None and _was_before(one, asked_at)
    ]
    gone = [one.account_id for one in ended]
    if gone:
        await tx.execute(KEEP_FOLLOWERS, account.id, gone, None, ctx.clock.now())
    await many.unfollow(ctx, tx, account, ended)


def _was_before(row: ComparedRow, asked_at: datetime) -> bool:
    """What began while the list was on its way cannot be on it."""
    return row.accepted_at is not None and row.accepted_at < asked_at


async def _accept(
    ctx: Context, tx: Transaction, account: AccountRow, waiting: Sequence[int]
) -> None:
    begun = await tx.values(ACCEPT_FOLLOWS, waiting, account.id, ctx.clock.now())
    await tx.execute(COUNT_FOLLOWS, begun, account.id, 1)
    await tx.execute(ADD_AUTHOR_TO_HOMES, begun, account.id)


def _made_up(ctx: Context, row: ComparedRow) -> Followed:
    """We know of no Follow, so that its id is new; peers find it by actor and object."""
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return Followed(row.account_id, row.actor_uri, uri)

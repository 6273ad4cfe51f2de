"""Add and Remove by peers, and the collection they change: what an actor has pinned
(ActivityPub §7.8, §7.9; Mastodon's toot:featured)."""

from activitypub.errors import ProtocolError
from activitypub.model import Collection
from activitypub.origins import same_origin
from activitypub.parse import parse_collection
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.bringing import bring_status
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.performing import perform
from fedserver.effects.pin import MAX_REMOTE_PINS, Pin, Unpin
from fedserver.errors import FedserverError
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.relations import FOLLOWED_HERE
from storage.statuses import STATUS_BY_URI, StatusRow


async def read_add(incoming: Incoming) -> Act:
    """Make the act of a peer's Add of a post to its own featured collection."""
    _require_featured(incoming)
    return Pin(actor=incoming.actor, uri=incoming.uri, status=await _added(incoming))


async def read_remove(incoming: Incoming) -> Act:
    """Make the act of a peer's Remove of a post from its own featured collection."""
    _require_featured(incoming)
    status = await incoming.known_status(incoming.object_id)
    return Unpin(actor=incoming.actor, uri=incoming.uri, status=status)


def _require_featured(incoming: Incoming) -> None:
    """Only its own collection is the actor's to change, and of these only this one is shown."""
    if incoming.activity.target is None or incoming.activity.target != incoming.actor.featured_url:
        raise Ignored("it is not about the actor's featured posts")


async def _added(incoming: Incoming) -> StatusRow:
    """Give the post, fetched if somebody here follows the actor and it may be the actor's own."""
    ctx, uri = incoming.ctx, incoming.object_id
    known = await ctx.db.one(STATUS_BY_URI, uri)
    if known is not None:
        return known
    if not same_origin(uri, incoming.actor.uri):
        raise Ignored("only own posts are featured")
    if not await ctx.db.value(FOLLOWED_HERE, incoming.actor.id):
        raise Ignored("nobody here follows its actor")
    return await bring_status(ctx, uri, incoming.budget)


async def read_featured(ctx: Context, account: AccountRow, budget: Budget) -> int:
    """Pin what the featured collection of a peer's `account` has; give how many were pinned.

    What cannot be had or believed is left out.
    """
    if account.local or not same_origin(account.featured_url or "", account.uri):
        return 0
    try:
        uris = await _items(ctx, account.featured_url or "", budget)
    except (FedserverError, ProtocolError):
        return 0
    own = [uri for uri in uris if same_origin(uri, account.uri)]
    # The first is shown first: it is pinned last.
    pinned = [await _pin(ctx, account, uri, budget) for uri in reversed(own[:MAX_REMOTE_PINS])]
    return sum(pinned)


async def _items(ctx: Context, uri: str, budget: Budget) -> list[str]:
    """Give the ids in a collection, or in the first page of it."""
    collection = parse_collection(await fetch.document(ctx, uri, budget))
    if not collection.items and isinstance(collection.first, str):
        if not same_origin(collection.first, uri):
            return []
        collection = parse_collection(await fetch.document(ctx, collection.first, budget))
    page = collection.first if isinstance(collection.first, Collection) else collection
    items = collection.items or page.items
    ids = [item if isinstance(item, str) else item.id for item in items]
    return list(dict.fromkeys(one for one in ids if one))


async def _pin(ctx: Context, account: AccountRow, uri: str, budget: Budget) -> bool:
    try:
        status = await bring_status(ctx, uri, budget)
        return await perform(ctx, Pin(actor=account, status=status))
    except (FedserverError, ProtocolError):
        return False

"""Collections of accounts that peers keep: Add, Update and Remove by their owner, and reading them
where they are (FEP-7aa9). Somebody is shown in one only with their own consent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from activitypub.errors import ProtocolError
from activitypub.featured import (
    COLLECTION_TYPE,
    ITEM_TYPE,
    FeaturedCollection,
    FeaturedItem,
    parse_featured_collection,
    parse_featured_item,
)
from activitypub.origins import same_origin
from activitypub.parse import parse_collection
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.collection_notices import tell_changed
from fedserver.effects.collection_rows import write_change, write_new
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.performing import perform
from fedserver.errors import FedserverError, NotFound, Refused
from fedserver.services import fetch, resolve
from fedserver.services.authorizing import Proof, prove_feature
from fedserver.services.fetch import Budget
from fedserver.services.text_in import clean_hashtag, clean_html, clean_plain
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.collections import (
    COLLECTION_BY_URI,
    DELETE_COLLECTION,
    DELETE_ITEM,
    DELETE_OTHER_ITEMS,
    FORGET_NAMESAKES,
    INSERT_ITEM,
    ITEM_BY_URI,
    ITEM_OF_ACCOUNT,
    LOCK_OWNED,
    NAME_ITEM,
    READ_COLLECTIONS_AGAIN,
    SET_ITEM_STATE,
    CollectionItemRow,
    CollectionRow,
)
from storage.database import Transaction
from storage.relations import FOLLOWED_HERE
from storage.statuses import INSERT_TOMBSTONE

MAX_PEER_COLLECTIONS = 50
MAX_PEER_ITEMS = 150
# How often the list of somebody's collections is read, and what was too much for one time.
READ_COLLECTIONS_AFTER = timedelta(days=7)
_GO_ON_AFTER = timedelta(hours=1)
_MAX_NAME_CHARS = 256
_MAX_DESCRIPTION_CHARS = 2_048
_MAX_PAGES = 5
_MAX_LINKED = 5  # collections that one post links to
# An owner that got a consent puts the account in its collection by then.
_CONSENT_COMES_WITHIN = timedelta(hours=1)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FoundItem:
    """An item of a peer's collection, whose account is known and was asked for its consent."""

    item: FeaturedItem
    account: AccountRow
    state: str
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class StoreCollection(Act):
    """A peer's collection as it says that it is. `complete`: nothing of it was left for later."""

    type: ClassVar[str] = "Update"

    given: FeaturedCollection
    items: tuple[FoundItem, ...]
    complete: bool = True

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        before = await tx.one(COLLECTION_BY_URI, self.given.id)
        if before is None:
            before = await self._insert(ctx, tx)
        elif before.account_id != self.actor.id:
            raise Refused("the collection is another's")
        else:
            after = _row(ctx, self.given, before)
            if await write_change(ctx, tx, before, after):
                await tell_changed(ctx, tx, before, after)
        since = ctx.clock.now() - _CONSENT_COMES_WITHIN
        await tx.execute(DELETE_OTHER_ITEMS, before.id, list(_ids(self.given)), since)
        for found in self.items:
            await _put_item(ctx, tx, before, found)
        if not self.complete:
            due = ctx.clock.now() - READ_COLLECTIONS_AFTER + _GO_ON_AFTER
            await tx.execute(READ_COLLECTIONS_AGAIN, self.actor.id, due)
        return True

    async def _insert(self, ctx: Context, tx: Transaction) -> CollectionRow:
        if (await tx.value(LOCK_OWNED, self.actor.id) or 0) >= MAX_PEER_COLLECTIONS:
            raise Refused("its owner has too many collections")
        row = _row(ctx, self.given, None)
        await write_new(ctx, tx, self.actor.id, row)
        stored = await tx.one(COLLECTION_BY_URI, row.uri)
        if stored is None or stored.account_id != self.actor.id:
            raise Refused("the collection is another's")
        return stored


@dataclass(frozen=True, kw_only=True)
class StoreItem(Act):
    """A peer put somebody into its collection."""

    type: ClassVar[str] = "Add"

    collection: CollectionRow
    found: FoundItem

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return await _put_item(ctx, tx, self.collection, self.found)


@dataclass(frozen=True, kw_only=True)
class ForgetCollection(Act):
    """A peer deleted its collection."""

    type: ClassVar[str] = "Remove"

    collection: CollectionRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_COLLECTION, self.collection.id))


@dataclass(frozen=True, kw_only=True)
class ForgetItem(Act):
    """A peer took somebody out of its collection."""

    type: ClassVar[str] = "Remove"

    item: CollectionItemRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_ITEM, self.item.id))


async def _put_item(
    ctx: Context, tx: Transaction, collection: CollectionRow, found: FoundItem
) -> bool:
    """Write an item. One that its account ended stays ended, whatever the owner says."""
    await tx.execute(FORGET_NAMESAKES, collection.id, found.item.id, found.account.id)
    known = await tx.one(ITEM_OF_ACCOUNT, collection.id, found.account.id)
    item, now = found.item, ctx.clock.now()
    if known is None:
        row = (ctx.ids.new(), collection.id, found.account.id, item.id, found.state)
        shown_since = min(item.published or now, now)
        added = (found.position, None, item.authorization, shown_since, now)
        return bool(await tx.execute(INSERT_ITEM, *row, *added))
    changed = bool(await tx.execute(NAME_ITEM, known.id, item.id, found.position))
    if found.account.local or known.state in ("revoked", found.state):
        return changed
    await tx.execute(SET_ITEM_STATE, known.id, found.state, item.authorization, now)
    return True


async def read_collection_add(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Add to its collections, or to one of them; None for an Add to
    something else."""
    target, actor = incoming.activity.target, incoming.actor
    if target is None:
        return None
    if target == actor.collections_url:
        return await _collection_added(incoming)
    collection = await incoming.ctx.db.one(COLLECTION_BY_URI, target)
    if collection is None or collection.account_id != actor.id:
        return None
    return await _item_added(incoming, collection)


async def _collection_added(incoming: Incoming) -> Act:
    ctx, actor = incoming.ctx, incoming.actor
    known = await ctx.db.one(COLLECTION_BY_URI, incoming.object_id)
    if known is None and not await ctx.db.value(FOLLOWED_HERE, actor.id):
        raise Ignored("nobody here follows its actor")
    document = await _object(incoming)
    return await _store(ctx, incoming.uri, document, actor, incoming.budget)


async def _item_added(incoming: Incoming, collection: CollectionRow) -> Act:
    item = parse_featured_item(await _object(incoming))
    if not same_origin(item.id, collection.uri):
        raise Refused("the item is of another origin than its collection")
    found = await _found(incoming.ctx, collection.uri, item, None, incoming.budget)
    if found is None:
        raise Ignored("whom it names has not consented")
    return StoreItem(actor=incoming.actor, uri=incoming.uri, collection=collection, found=found)


async def read_collection_remove(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Remove of its collection, or from it; None for something else."""
    db, target, actor = incoming.ctx.db, incoming.activity.target, incoming.actor
    if target is not None and target == actor.collections_url:
        gone = await db.one(COLLECTION_BY_URI, incoming.object_id)
        if gone is None or gone.account_id != actor.id:
            raise Ignored("it removes a collection that is not known here")
        return ForgetCollection(actor=actor, uri=incoming.uri, collection=gone)
    collection = await db.one(COLLECTION_BY_URI, target or "")
    if collection is None or collection.account_id != actor.id:
        return None
    item = await db.one(ITEM_BY_URI, collection.uri, incoming.object_id)
    if item is None:
        await _remember_removed(incoming)
        raise Ignored("it removes what is not known here")
    return ForgetItem(actor=actor, uri=incoming.uri, item=item)


async def _remember_removed(incoming: Incoming) -> None:
    """A Remove may come before its Add; the item then stays out."""
    if same_origin(incoming.object_id, incoming.actor.uri):
        now = incoming.ctx.clock.now()
        buried = (incoming.object_id, incoming.actor.id, ITEM_TYPE, "direct", now)
        await incoming.ctx.db.execute(INSERT_TOMBSTONE, *buried)


async def read_collection_update(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Update of its collection; None for an Update of something else."""
    updated = incoming.activity.object
    if getattr(updated, "type", None) != COLLECTION_TYPE:
        return None
    ctx, actor = incoming.ctx, incoming.actor
    known = await ctx.db.one(COLLECTION_BY_URI, incoming.object_id)
    if known is None and not await ctx.db.value(FOLLOWED_HERE, actor.id):
        raise Ignored("it updates a collection that is not known here")
    return await _store(ctx, incoming.uri, await _object(incoming), actor, incoming.budget)


async def _object(incoming: Incoming) -> Json:
    """Give the object of an activity whole: as its owner embedded it, else from its own address.
    What is embedded is of the signer's origin; who may say it is asked where it is read."""
    given = (incoming.activity.raw or {}).get("object")
    if isinstance(given, dict) and len(given) > 2 and given.get("id") == incoming.object_id:
        if not same_origin(incoming.object_id, incoming.actor.uri):
            raise Refused("it is of another origin than its actor")
        return given
    return await fetch.document(incoming.ctx, incoming.object_id, incoming.budget)


async def bring_collection(
    ctx: Context, uri: str, owner: AccountRow, budget: Budget
) -> CollectionRow:
    """Give the collection of `owner` that `uri` names; fetch and store it if it is unknown.

    Raises NotFound for what is no collection of theirs, or an error of `services.fetch`.
    """
    known = await ctx.db.one(COLLECTION_BY_URI, uri)
    if known is not None:
        return known
    if owner.local or same_origin(uri, ctx.config.base_url):
        raise NotFound
    document = await fetch.document(ctx, uri, budget)
    await perform(ctx, await _store(ctx, "", document, owner, budget))
    stored = await ctx.db.one(COLLECTION_BY_URI, uri)
    if stored is None:
        raise NotFound
    return stored


async def _bring_any(ctx: Context, document: Json, budget: Budget) -> CollectionRow:
    """Store a collection that was read from its own origin, and give its row."""
    owner = await resolve.account(ctx, parse_featured_collection(document).attributed_to, budget)
    await perform(ctx, await _store(ctx, "", document, owner, budget))
    stored = await ctx.db.one(COLLECTION_BY_URI, str(document.get("id")))
    if stored is None:
        raise NotFound
    return stored


async def known_collections(ctx: Context, uris: Sequence[str], budget: Budget) -> tuple[str, ...]:
    """Give those of `uris` that are collections, fetched where they are not known; what cannot be
    had is left out."""
    found = []
    for uri in uris[:_MAX_LINKED]:
        try:
            if await ctx.db.one(COLLECTION_BY_URI, uri) is None:
                if same_origin(uri, ctx.config.base_url):
                    continue
                await _bring_any(ctx, await fetch.document(ctx, uri, budget), budget)
            found.append(uri)
        except (FedserverError, ProtocolError):
            continue
    return tuple(found)


async def read_collections(ctx: Context, account: AccountRow, budget: Budget) -> int:
    """Store what the list of a peer's collections has; give how many there are.

    What cannot be had or believed is left out.
    """
    uri, stored = account.collections_url or "", 0
    if account.local or not same_origin(uri, account.uri):
        return 0
    try:
        for member in await _listed(ctx, uri, budget):
            stored += await _read_one(ctx, account, member, budget)
    except (FedserverError, ProtocolError):
        return stored
    return stored


async def _read_one(ctx: Context, account: AccountRow, member: str | Json, budget: Budget) -> bool:
    try:
        document = await fetch.document(ctx, member, budget) if isinstance(member, str) else member
        return await perform(ctx, await _store(ctx, "", document, account, budget))
    except (FedserverError, ProtocolError):
        return False


async def _listed(ctx: Context, uri: str, budget: Budget) -> list[str | Json]:
    """Give the members of the list of collections, of its first pages."""
    found: list[str | Json] = []
    page: Json | None = await fetch.document(ctx, uri, budget)
    for _ in range(_MAX_PAGES):
        if page is None:
            break
        head = parse_collection(page)
        members = page.get("items") or page.get("orderedItems") or []
        found += [one for one in members if isinstance(one, str | dict)]
        first = page.get("first")
        if isinstance(first, dict):
            page = first
            continue
        onward = head.next or (head.first if isinstance(head.first, str) else None)
        page = await _page(ctx, onward, uri, budget)
    return found[:MAX_PEER_COLLECTIONS]


async def _page(ctx: Context, onward: str | None, uri: str, budget: Budget) -> Json | None:
    if onward is None or not same_origin(onward, uri):
        return None
    return await fetch.document(ctx, onward, budget)


async def _store(
    ctx: Context, uri: str, document: Json, owner: AccountRow, budget: Budget
) -> StoreCollection:
    """Make the act of a collection that `owner` vouches for. Raises Refused for another's."""
    given = parse_featured_collection(document)
    if given.attributed_to != owner.uri or not same_origin(given.id, owner.uri):
        raise Refused("the collection is not its owner's")
    found, complete = await _find_items(ctx, given, budget)
    return StoreCollection(actor=owner, uri=uri, given=given, items=tuple(found), complete=complete)


async def _find_items(
    ctx: Context, given: FeaturedCollection, budget: Budget
) -> tuple[list[FoundItem], bool]:
    """Give the items whose accounts consent, and whether all could be asked about."""
    found: list[FoundItem] = []
    for number, one in enumerate(given.items[:MAX_PEER_ITEMS], 1):
        try:
            item = await _whole(ctx, one, budget)
            if same_origin(item.id, given.id):
                seen = await _found(ctx, given.id, item, number, budget)
                found += [seen] if seen is not None else []
        except (FedserverError, ProtocolError):
            if budget.spent:
                return found, False  # more than may be asked at one time
    return found, True


async def _whole(ctx: Context, item: FeaturedItem | str, budget: Budget) -> FeaturedItem:
    if isinstance(item, FeaturedItem):
        return item
    return parse_featured_item(await fetch.document(ctx, item, budget))


async def _found(
    ctx: Context, collection_uri: str, item: FeaturedItem, position: int | None, budget: Budget
) -> FoundItem | None:
    """Give the item with what its account says to it; None for who has not consented."""
    account = await ctx.db.one(ACCOUNT_BY_URI, item.featured_object)
    if account is not None and account.local:
        return await _of_ours(ctx, collection_uri, item, account, position)
    if item.authorization is None:
        return None
    known = await ctx.db.one(ITEM_BY_URI, collection_uri, item.id)
    if account is not None and known is not None and _is_proven(known, item):
        return FoundItem(item, account, "accepted", position)
    account = account or await resolve.account(ctx, item.featured_object, budget)
    proof = await prove_feature(ctx, item.authorization, collection_uri, account, budget)
    if proof is Proof.INVALID or account.gone:
        return None
    return FoundItem(item, account, "accepted" if proof is Proof.VALID else "pending", position)


def _is_proven(known: CollectionItemRow, item: FeaturedItem) -> bool:
    return (known.state, known.account_uri, known.authorization_uri) == (
        "accepted",
        item.featured_object,
        item.authorization,
    )


async def _of_ours(
    ctx: Context,
    collection_uri: str,
    item: FeaturedItem,
    account: AccountRow,
    position: int | None,
) -> FoundItem | None:
    """One of our people consents in answer to a FeatureRequest only."""
    collection = await ctx.db.one(COLLECTION_BY_URI, collection_uri)
    if collection is None:
        return None
    consented = await ctx.db.one(ITEM_OF_ACCOUNT, collection.id, account.id)
    if consented is None or consented.state != "accepted":
        return None
    return FoundItem(item, account, "accepted", position)


def _ids(given: FeaturedCollection) -> Sequence[str]:
    return [one if isinstance(one, str) else one.id for one in given.items]


def _row(ctx: Context, given: FeaturedCollection, before: CollectionRow | None) -> CollectionRow:
    """Give what is kept of a peer's collection: cleaned and bounded."""
    now = ctx.clock.now()
    created_at = before.created_at if before else min(given.published or now, now)
    url = given.url if given.url and same_origin(given.url, given.id) else given.id
    return CollectionRow(
        id=before.id if before else ctx.ids.new(),
        account_id=before.account_id if before else 0,
        local=False,
        uri=given.id,
        url=url,
        name=clean_plain(given.name, _MAX_NAME_CHARS),
        description=clean_html(given.summary[:_MAX_DESCRIPTION_CHARS]),
        language=given.language,
        sensitive=given.sensitive,
        discoverable=given.discoverable,
        tag_name=clean_hashtag(given.topic or "").lower() or None,
        created_at=created_at,
        updated_at=min(given.updated or now, now),
    )

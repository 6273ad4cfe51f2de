"""Collections of accounts, their items, and consents to being in one (FEP-7aa9)."""

from collections import defaultdict

from aiohttp import web

from activitypub.contexts.terms import FEATURED_CONTEXT
from activitypub.featured import collection_document, item_document
from activitypub.json_bytes import dumps
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.federation.actors import local_account
from fedserver.federation.objects import tombstone_of
from fedserver.federation.replies import activity_reply
from fedserver.federation.requests import check_fetch
from fedserver.routing import Media, Reply, endpoint
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.collections import (
    ACCEPTED_ITEMS,
    COLLECTION_BY_URI,
    COLLECTIONS_OWNED,
    CONSENT_TO_FEATURE,
    ITEM,
    MAX_COLLECTIONS,
    CollectionItemRow,
)

_MEDIA = Media.ACTIVITY


@endpoint("GET", "/users/{username}/featured_collections", media=_MEDIA, rate="none")
async def featured_collections(ctx: Context, request: web.Request, username: str) -> Reply:
    """Give the collections of a person, whole: there are not many."""
    owner = await _readable(ctx, request, username)
    rows = await ctx.db.fetch(COLLECTIONS_OWNED, owner.id, MAX_COLLECTIONS)
    items: dict[int, list[CollectionItemRow]] = defaultdict(list)
    for item in await ctx.db.fetch(ACCEPTED_ITEMS, [row.id for row in rows]):
        items[item.collection_id].append(item)
    values = [documents.featured_collection(ctx, row, owner.uri, items[row.id]) for row in rows]
    return activity_reply(
        dumps(
            {
                "@context": FEATURED_CONTEXT,
                "id": Uris(ctx.config.base_url).featured_collections(owner.uri),
                "type": "Collection",
                "attributedTo": owner.uri,
                "totalItems": len(values),
                "items": [collection_document(one, context=False) for one in values],
            }
        )
    )


@endpoint("GET", "/users/{username}/featured_collections/{id}", media=_MEDIA, rate="none")
async def featured_collection(ctx: Context, request: web.Request, username: str, id: int) -> Reply:
    """Give a collection with whoever consented to be in it."""
    owner = await _readable(ctx, request, username)
    uri = Uris(ctx.config.base_url).collection(owner.uri, id)
    row = await ctx.db.one(COLLECTION_BY_URI, uri)
    if row is None or row.account_id != owner.id:
        raise NotFound("Record not found")
    items = await ctx.db.fetch(ACCEPTED_ITEMS, [row.id])
    value = documents.featured_collection(ctx, row, owner.uri, items)
    return activity_reply(dumps(collection_document(value)))


@endpoint("GET", "/users/{username}/collection_items/{id}", media=_MEDIA, rate="none")
async def featured_item(ctx: Context, request: web.Request, username: str, id: int) -> Reply:
    """Give one account in a collection."""
    owner = await _readable(ctx, request, username)
    item = await ctx.db.one(ITEM, id)
    uri = Uris(ctx.config.base_url).collection_item(owner.uri, id)
    if item is None or item.uri != uri or item.state != "accepted":
        raise NotFound("Record not found")
    return activity_reply(dumps(item_document(documents.featured_item(item))))


@endpoint("GET", "/users/{username}/feature_authorizations/{id}", media=_MEDIA, rate="none")
async def feature_authorization(
    ctx: Context, request: web.Request, username: str, id: int
) -> Reply:
    """Give the consent of one of our people to being in a collection; 410 once it is taken back."""
    member = await _readable(ctx, request, username)
    uri = Uris(ctx.config.base_url).feature_authorization(member.uri, id)
    row = await ctx.db.one(CONSENT_TO_FEATURE, uri)
    if row is None:
        return await tombstone_of(ctx, uri)
    return activity_reply(documents.feature_authorization(uri, row))


async def _readable(ctx: Context, request: web.Request, username: str) -> AccountRow:
    account = await local_account(ctx, username)
    if account.deleted_at is not None:
        raise NotFound("Record not found")
    await check_fetch(ctx, request)
    return account

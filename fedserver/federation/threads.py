"""What hangs on a status: replies, likes, shares, and the thread it is in (FEP-7888).

Each collection is filtered for who asks, by the one predicate (storage.visibility).
"""

from aiohttp import web

from activitypub.model import Collection
from fedserver import documents
from fedserver.context import Context
from fedserver.federation.collection_pages import (
    CollectionParams,
    Item,
    head,
    page,
    upward_page,
)
from fedserver.federation.objects import readable_status, tombstone_of
from fedserver.federation.replies import activity_reply
from fedserver.federation.requests import known_signer
from fedserver.routing import Media, Reply, endpoint
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.paging import edges, fetch_page
from storage.statuses import StatusRow
from storage.threads import LIKES_PAGE, REPLIES_TO, SHARES_PAGE, THREAD_PAGE

_MEDIA = Media.ACTIVITY
_PAGE = 50


@endpoint("GET", "/users/{username}/statuses/{id}/replies", media=_MEDIA, rate="none")
async def replies(
    ctx: Context, request: web.Request, username: str, id: int, params: CollectionParams
) -> Reply:
    """Give the replies to a Note, the oldest first (ActivityStreams `replies`)."""
    row = await _own_status(ctx, request, username, id)
    if row is None:
        return await _nothing(ctx, username, id)
    reader = await known_signer(ctx, request)
    uri, after = f"{row.uri}/replies", params.min_id or 0
    rows = await ctx.db.fetch(REPLIES_TO, row.id, after, _PAGE, _id_of(reader))
    items = await _items(ctx, rows)
    first = upward_page(uri, "CollectionPage", items, after, _next_after(rows))
    if params.page is not None:
        return activity_reply(first, public=reader is None)
    return activity_reply(Collection(type="Collection", id=uri, first=first), public=reader is None)


@endpoint("GET", "/users/{username}/statuses/{id}/likes", media=_MEDIA, rate="none")
async def likes(
    ctx: Context, request: web.Request, username: str, id: int, params: CollectionParams
) -> Reply:
    """Give the Likes of a Note, the newest first (ActivityPub §5.7)."""
    row = await _own_status(ctx, request, username, id)
    if row is None:
        return await _nothing(ctx, username, id)
    uri = f"{row.uri}/likes"
    if params.page is None:
        return activity_reply(head(uri, row.favourites_count), public=_is_public(row))
    cursor = params.cursor(_PAGE)
    rows = await fetch_page(ctx.db, LIKES_PAGE, cursor, row.id)
    items = [one.uri for one in rows]
    found = page(uri, items, edges(rows, cursor, lambda one: one.id), params)
    return activity_reply(found, public=_is_public(row))


@endpoint("GET", "/users/{username}/statuses/{id}/shares", media=_MEDIA, rate="none")
async def shares(
    ctx: Context, request: web.Request, username: str, id: int, params: CollectionParams
) -> Reply:
    """Give the Announces of a Note, the newest first (ActivityPub §5.8)."""
    row = await _own_status(ctx, request, username, id)
    if row is None:
        return await _nothing(ctx, username, id)
    uri = f"{row.uri}/shares"
    if params.page is None:
        return activity_reply(head(uri, row.reblogs_count), public=_is_public(row))
    reader = await known_signer(ctx, request)
    cursor = params.cursor(_PAGE)
    rows = await fetch_page(ctx.db, SHARES_PAGE, cursor, row.id, _id_of(reader))
    items = [one.uri for one in rows]
    found = page(uri, items, edges(rows, cursor, lambda one: one.id), params)
    return activity_reply(found, public=reader is None)


@endpoint("GET", "/users/{username}/statuses/{id}/context", media=_MEDIA, rate="none")
async def context(
    ctx: Context, request: web.Request, username: str, id: int, params: CollectionParams
) -> Reply:
    """Give the thread that a Note of ours began, the oldest first (FEP-7888, FEP-f228). It belongs
    to the author of that Note."""
    row = await _own_status(ctx, request, username, id)
    if row is None or row.thread_id != row.id or row.in_reply_to_uri is not None:
        return await _nothing(ctx, username, id)
    uri, after = f"{row.uri}/context", params.min_id or 0
    if params.page is None:
        owner = await ctx.db.one(ACCOUNT_BY_ID, row.account_id)
        collection = head(uri, None, owner=owner.uri if owner else None)
        return activity_reply(collection, public=_is_public(row))
    reader = await known_signer(ctx, request)
    rows = await ctx.db.fetch(THREAD_PAGE, row.id, after, _PAGE, _id_of(reader))
    items = [one.uri for one in rows]
    found = upward_page(uri, "OrderedCollectionPage", items, after, _next_after(rows))
    return activity_reply(found, public=reader is None)


async def _own_status(
    ctx: Context, request: web.Request, username: str, id: int
) -> StatusRow | None:
    """Give a status of ours under its own URI; None where the reader may not see one."""
    row = await readable_status(ctx, request, id)
    uri = Uris(ctx.config.base_url).status(username, id)
    return row if row is not None and row.uri == uri and row.reblog_of_id is None else None


async def _nothing(ctx: Context, username: str, id: int) -> Reply:
    return await tombstone_of(ctx, Uris(ctx.config.base_url).status(username, id))


async def _items(ctx: Context, rows: list[StatusRow]) -> list[Item]:
    """Our own objects whole, others' by id: only their own server can vouch for them."""
    notes = await documents.notes(ctx, [one for one in rows if one.local])
    return [notes[one.id] if one.local else one.uri for one in rows]


def _next_after(rows: list[StatusRow]) -> int | None:
    return rows[-1].id if len(rows) == _PAGE else None


def _id_of(reader: AccountRow | None) -> int | None:
    return reader.id if reader else None


def _is_public(row: StatusRow) -> bool:
    return row.visibility in ("public", "unlisted")

"""Collections of a person: outbox, followers, following, featured (ActivityPub §5)."""

from typing import Any

from aiohttp import web

from activitypub.build import to_document
from activitypub.json_bytes import dumps, loads
from activitypub.model import Collection
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.federation.actors import local_account
from fedserver.federation.collection_pages import CollectionParams, head, page
from fedserver.federation.replies import activity_reply
from fedserver.federation.requests import check_fetch
from fedserver.routing import Media, Reply, endpoint
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.featured_tags import FEATURED_TAGS_OF
from storage.federation_reads import (
    FOLLOWER_PAGE,
    FOLLOWING_PAGE,
    OUTBOX_PAGE,
    ListedActivityRow,
    RelatedRow,
)
from storage.paging import Paged, edges, fetch_page
from storage.statuses import PINNED_OF_ACCOUNT

_OUTBOX_PAGE = 20
_PEOPLE_PAGE = 40
_MEDIA = Media.ACTIVITY


@endpoint("GET", "/users/{username}/outbox", media=_MEDIA, rate="none")
async def outbox(
    ctx: Context, request: web.Request, username: str, params: CollectionParams
) -> Reply:
    """Give what a person posted and boosted in public, the newest first (§5.1)."""
    account = await _readable(ctx, request, username)
    uri = account.outbox_url or ""
    if params.page is None:
        return activity_reply(head(uri, account.statuses_count))
    cursor = params.cursor(_OUTBOX_PAGE)
    rows = await fetch_page(ctx.db, OUTBOX_PAGE, cursor, account.id)
    listed = to_document(page(uri, [], edges(rows, cursor, lambda row: row.id), params))
    # As they were sent, with a context of their own: their proofs hold for nothing else.
    return activity_reply(dumps({**listed, "orderedItems": [_listed(ctx, row) for row in rows]}))


def _listed(ctx: Context, row: ListedActivityRow) -> Any:
    """What was sent under a former domain is listed as it is served here."""
    sent = loads(row.document)
    today = ctx.domains.today(row.uri, ctx.config.base_url)
    if today == row.uri:
        return sent
    former = row.uri.removesuffix(today.removeprefix(ctx.config.base_url))
    return documents.rebased(sent, former, ctx.config.base_url)


@endpoint("GET", "/users/{username}/followers", media=_MEDIA, rate="none")
async def followers(
    ctx: Context, request: web.Request, username: str, params: CollectionParams
) -> Reply:
    """Give who follows a person (§5.3): the number always, names unless they are hidden."""
    account = await _readable(ctx, request, username)
    return await _people(
        ctx, account, account.followers_url, account.followers_count, FOLLOWER_PAGE, params
    )


@endpoint("GET", "/users/{username}/following", media=_MEDIA, rate="none")
async def following(
    ctx: Context, request: web.Request, username: str, params: CollectionParams
) -> Reply:
    """Give whom a person follows (§5.4): the number always, names unless they are hidden."""
    account = await _readable(ctx, request, username)
    return await _people(
        ctx, account, account.following_url, account.following_count, FOLLOWING_PAGE, params
    )


@endpoint("GET", "/users/{username}/collections/featured", media=_MEDIA, rate="none")
async def featured(ctx: Context, request: web.Request, username: str) -> Reply:
    """Give the pinned posts of a person."""
    account = await _readable(ctx, request, username)
    rows = await ctx.db.fetch(PINNED_OF_ACCOUNT, account.id)
    notes = await documents.notes(ctx, rows)
    items = tuple(notes[row.id] for row in rows)
    return activity_reply(
        Collection(
            type="OrderedCollection",
            id=account.featured_url,
            total_items=len(items),
            items=items,
        )
    )


@endpoint("GET", "/users/{username}/collections/tags", media=_MEDIA, rate="none")
async def featured_tags(ctx: Context, request: web.Request, username: str) -> Reply:
    """Give the hashtags that a person shows on their profile (toot:featuredTags)."""
    account = await _readable(ctx, request, username)
    uris = Uris(ctx.config.base_url)
    rows = await ctx.db.fetch(FEATURED_TAGS_OF, account.id)
    hashtags = [
        {"type": "Hashtag", "href": uris.tag(row.tag_name), "name": f"#{row.name}"} for row in rows
    ]
    return activity_reply(
        Collection(
            type="Collection",
            id=uris.featured_tags(account.uri),
            total_items=len(hashtags),
            # A Hashtag is a Link without an id, which the model has no place for among items.
            unknown={"items": hashtags} if hashtags else {},
        )
    )


async def _readable(ctx: Context, request: web.Request, username: str) -> AccountRow:
    account = await local_account(ctx, username)
    if account.deleted_at is not None:
        raise NotFound("Record not found")
    await check_fetch(ctx, request)
    return account


async def _people(
    ctx: Context,
    account: AccountRow,
    uri: str | None,
    total: int,
    query: Paged[RelatedRow],
    params: CollectionParams,
) -> Reply:
    if account.hide_collections:
        return activity_reply(Collection(type="OrderedCollection", id=uri, total_items=total))
    if params.page is None:
        return activity_reply(head(uri or "", total))
    cursor = params.cursor(_PEOPLE_PAGE)
    rows = await fetch_page(ctx.db, query, cursor, account.id)
    people = [row.uri for row in rows]
    return activity_reply(page(uri or "", people, edges(rows, cursor, lambda row: row.id), params))

"""Collections of accounts (Mastodon API: collections)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from aiohttp import web
from yarl import URL

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import (
    AddToCollection,
    ChangeCollection,
    DropCollection,
    MakeCollection,
    RemoveFromCollection,
    RevokeFeature,
)
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.mastodon.composing import is_language
from fedserver.mastodon.subjects import (
    acting_account,
    new_activity_uri,
    perform,
    target_account,
)
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Id, Params, Reply, endpoint
from fedserver.routing.pages import clamp
from fedserver.services.text_in import clean_hashtag
from fedserver.uris import Uris
from storage.accounts import ACCOUNTS_BY_IDS, AccountRow
from storage.collections import (
    COLLECTION,
    COLLECTIONS_OF,
    COLLECTIONS_WITH,
    ITEM,
    ITEM_OF_ACCOUNT,
    MEMBERS_INBOXES,
    CollectionItemRow,
    CollectionRow,
)

_MAX_NAME_CHARS: Final = 40
_MAX_DESCRIPTION_CHARS: Final = 100
_LISTED: Final = 40
_LISTED_MOST: Final = 80
_FARTHEST: Final = 1_000  # what is further back in a list is not looked up


class ListedParams(Params, frozen=True, kw_only=True):
    """Which part of a list."""

    limit: int | None = None
    offset: int = 0


class CollectionParams(Params, frozen=True, kw_only=True):
    """What is left out stays as it is; an empty hashtag or language is none."""

    name: str | None = None
    description: str | None = None
    language: str | None = None
    sensitive: bool | None = None
    discoverable: bool | None = None
    tag_name: str | None = None


class NewCollectionParams(CollectionParams, frozen=True, kw_only=True):
    """And who is in it from the start."""

    account_ids: list[Id] = msgspec.field(default_factory=list)


class ItemParams(Params, frozen=True, kw_only=True):
    """Whom to put in."""

    account_id: Id | None = None


@endpoint("GET", "/api/v1/accounts/{account_id}/collections", scope="read:collections")
async def collections_of(
    ctx: Context,
    request: web.Request,
    caller: Caller | None,
    account_id: int,
    params: ListedParams,
) -> JSON:
    """Show the collections of somebody, the newest first; those that are not to be found to their
    owner only (Mastodon API: collections#by_account)."""
    owner = await target_account(ctx, account_id)
    viewer = viewer_of(caller)
    ids = await ctx.db.values(COLLECTIONS_OF, owner.id, viewer != owner.id, _FARTHEST)
    return await _listed(ctx, request, ids, viewer, params)


@endpoint("GET", "/api/v1/accounts/{account_id}/in_collections", scope="read:collections")
async def collections_with(
    ctx: Context, request: web.Request, caller: Caller, account_id: int, params: ListedParams
) -> JSON:
    """Show which collections the caller is in: nobody else may know (Mastodon API:
    collections#in_collections)."""
    if account_id != caller.account_id:
        await target_account(ctx, account_id)
        raise Forbidden
    ids = await ctx.db.values(COLLECTIONS_WITH, account_id, _FARTHEST)
    return await _listed(ctx, request, ids, caller.account_id, params)


async def _listed(
    ctx: Context,
    request: web.Request,
    ids: Sequence[int],
    viewer: int | None,
    params: ListedParams,
) -> Reply:
    """Give a part of a list, which this API counts off instead of naming what it begins after."""
    limit, offset = clamp(params.limit, _LISTED, _LISTED_MOST), max(0, params.offset)
    shown = await entities.collections(ctx, ids[offset : offset + limit], viewer)
    url = URL(ctx.config.base_url).join(request.rel_url)
    links = []
    if offset + limit < len(ids):
        links.append(f'<{url.update_query(offset=offset + limit)}>; rel="next"')
    if offset > 0:
        links.append(f'<{url.update_query(offset=max(0, offset - limit))}>; rel="prev"')
    return Reply({"collections": shown}, headers={"Link": ", ".join(links)} if links else {})


@endpoint("GET", "/api/v1/collections/{id}", scope="read:collections")
async def show(ctx: Context, caller: Caller | None, id: int) -> JSON:
    """Show a collection with its accounts (Mastodon API: collections#show)."""
    return await entities.collection_with_accounts(ctx, id, viewer_of(caller))


@endpoint("POST", "/api/v1/collections", scope="write:collections")
async def make(ctx: Context, caller: Caller, params: NewCollectionParams) -> JSON:
    """Make a collection (Mastodon API: collections#create). 422 for what is too long or too much,
    403 where one of the accounts may not be featured."""
    actor = await acting_account(ctx, caller)
    blank = _blank(ctx, actor)
    row = _changed(blank, params, updated=False)
    await perform(
        ctx,
        MakeCollection(
            actor=actor,
            uri=new_activity_uri(ctx),
            collection=row,
            members=await _members(ctx, params.account_ids),
        ),
    )
    return await _wrapped(ctx, row.id, actor.id)


@endpoint("PATCH", "/api/v1/collections/{id}", scope="write:collections")
@endpoint("PUT", "/api/v1/collections/{id}", scope="write:collections")
async def change(ctx: Context, caller: Caller, id: int, params: CollectionParams) -> JSON:
    """Say something else of a collection (Mastodon API: collections#update)."""
    actor, row = await _own(ctx, caller, id)
    changed = replace(_changed(row, params, updated=True), updated_at=ctx.clock.now())
    uri = new_activity_uri(ctx)
    await perform(ctx, ChangeCollection(actor=actor, uri=uri, collection=row, changed=changed))
    return await _wrapped(ctx, row.id, actor.id)


@endpoint("DELETE", "/api/v1/collections/{id}", scope="write:collections")
async def drop(ctx: Context, caller: Caller, id: int) -> JSON:
    """Delete a collection (Mastodon API: collections#destroy)."""
    actor, row = await _own(ctx, caller, id)
    inboxes = await ctx.db.values(MEMBERS_INBOXES, row.id)
    uri = new_activity_uri(ctx)
    act = DropCollection(actor=actor, uri=uri, collection=row, inboxes=tuple(inboxes))
    await perform(ctx, act)
    return {}


@endpoint("POST", "/api/v1/collections/{collection_id}/items", scope="write:collections")
async def add(ctx: Context, caller: Caller, collection_id: int, params: ItemParams) -> JSON:
    """Put somebody into a collection (Mastodon API: collections#add_item). Of another server's
    account the item is pending until it consents."""
    actor, row = await _own(ctx, caller, collection_id)
    if params.account_id is None:
        raise Invalid("`account_id` parameter is missing")
    member = await target_account(ctx, params.account_id)
    uri = new_activity_uri(ctx)
    await perform(ctx, AddToCollection(actor=actor, uri=uri, collection=row, member=member))
    item = await ctx.db.one(ITEM_OF_ACCOUNT, row.id, member.id)
    if item is None:
        raise NotFound
    return {"collection_item": entities.collection_item(item)}


@endpoint("DELETE", "/api/v1/collections/{collection_id}/items/{id}", scope="write:collections")
async def remove(ctx: Context, caller: Caller, collection_id: int, id: int) -> JSON:
    """Take somebody out of a collection (Mastodon API: collections#remove_item)."""
    actor, row = await _own(ctx, caller, collection_id)
    item = await _item(ctx, row, id)
    member = await target_account(ctx, item.account_id)
    uri = new_activity_uri(ctx)
    act = RemoveFromCollection(actor=actor, uri=uri, collection=row, item=item, member=member)
    await perform(ctx, act)
    return {}


@endpoint(
    "POST", "/api/v1/collections/{collection_id}/items/{id}/revoke", scope="write:collections"
)
async def revoke(ctx: Context, caller: Caller, collection_id: int, id: int) -> JSON:
    """Leave somebody's collection (Mastodon API: collections#revoke_item)."""
    row = await _known(ctx, collection_id)
    item = await _item(ctx, row, id)
    if item.account_id != caller.account_id:
        raise Forbidden
    actor = await acting_account(ctx, caller)
    owner = await target_account(ctx, row.account_id)
    uri = new_activity_uri(ctx)
    act = RevokeFeature(actor=actor, uri=uri, item=item, collection=row, owner=owner)
    await perform(ctx, act)
    return {}


async def _wrapped(ctx: Context, collection_id: int, viewer: int) -> dict[str, Any]:
    return {"collection": await entities.collection(ctx, collection_id, viewer)}


async def _known(ctx: Context, collection_id: int) -> CollectionRow:
    row = await ctx.db.one(COLLECTION, collection_id)
    if row is None:
        raise NotFound
    return row


async def _own(
    ctx: Context, caller: Caller, collection_id: int
) -> tuple[AccountRow, CollectionRow]:
    """Give the caller and their collection. Raises Forbidden for another's."""
    row = await _known(ctx, collection_id)
    if row.account_id != caller.account_id:
        raise Forbidden
    return await acting_account(ctx, caller), row


async def _item(ctx: Context, row: CollectionRow, item_id: int) -> CollectionItemRow:
    item = await ctx.db.one(ITEM, item_id)
    if item is None or item.collection_id != row.id:
        raise NotFound
    return item


async def _members(ctx: Context, ids: Sequence[int]) -> tuple[AccountRow, ...]:
    """Give the accounts in the order of their ids. Raises NotFound unless there are all."""
    wanted = list(dict.fromkeys(ids))
    rows = {row.id: row for row in await ctx.db.fetch(ACCOUNTS_BY_IDS, wanted)}
    if any(one not in rows for one in wanted):
        raise NotFound
    return tuple(rows[one] for one in wanted)


def _blank(ctx: Context, owner: AccountRow) -> CollectionRow:
    """Give a collection that says nothing yet; it is found unless that is not wanted."""
    uris, collection_id, now = Uris(ctx.config.base_url), ctx.ids.new(), ctx.clock.now()
    return CollectionRow(
        id=collection_id,
        account_id=owner.id,
        local=True,
        uri=uris.collection(owner.uri, collection_id),
        url=uris.collection_page(collection_id),
        name="",
        description="",
        language=None,
        sensitive=False,
        discoverable=True,
        tag_name=None,
        created_at=now,
        updated_at=now,
    )


def _changed(row: CollectionRow, params: CollectionParams, *, updated: bool) -> CollectionRow:
    """Give what the collection will say. Raises Invalid for what is too long, or no hashtag."""
    name = row.name if params.name is None else " ".join(params.name.split())
    if not name:
        raise Invalid("Validation failed: Name can't be blank")
    described = row.description if params.description is None else params.description.strip()
    _require_short("Name", name, _MAX_NAME_CHARS)
    _require_short("Description", described, _MAX_DESCRIPTION_CHARS)
    return replace(
        row,
        name=name,
        description=described,
        language=row.language if params.language is None else _language(params.language),
        sensitive=row.sensitive if params.sensitive is None else params.sensitive,
        discoverable=row.discoverable if params.discoverable is None else params.discoverable,
        tag_name=row.tag_name if params.tag_name is None else _hashtag(params.tag_name),
    )


def _require_short(what: str, text: str, most: int) -> None:
    if len(text) > most:
        raise Invalid(f"Validation failed: {what} is too long (maximum is {most} characters)")


def _language(given: str) -> str | None:
    if given and not is_language(given):
        raise Invalid("Validation failed: Language is invalid")
    return given or None


def _hashtag(written: str) -> str | None:
    bare = written.strip().removeprefix("#")
    cleaned = clean_hashtag(bare)
    if bare and cleaned != bare:
        raise Invalid("Validation failed: Tag name is not a valid hashtag")
    return cleaned.lower() or None

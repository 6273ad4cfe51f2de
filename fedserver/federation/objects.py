"""Notes, activities and tombstones under their stable URIs.

What not everybody may read is given to signed requests of those who may (one predicate,
storage.visibility); for all others it does not exist.
"""

from aiohttp import web

from activitypub.build import to_document
from activitypub.json_bytes import dumps, loads
from activitypub.model import Activity
from activitypub.parse import parse_activity
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.federation.replies import activity_reply, tombstone_reply
from fedserver.federation.requests import check_fetch, signer_of
from fedserver.routing import Media, Reply, endpoint
from fedserver.routing.signed_requests import former_base
from fedserver.services import proving
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.approvals import GIVEN_BY_URI
from storage.outbox import ACTIVITY_BY_URI, ActivityRow
from storage.quotes import AUTHORIZATION_BY_URI
from storage.statuses import (
    STATUS_BY_URI,
    STATUS_VISIBLE,
    TOMBSTONE_BY_URI,
    VISIBLE_STATUS,
    StatusRow,
)

_MEDIA = Media.ACTIVITY
_PUBLIC = ("public", "unlisted")
_MADE_EVERY_S = 5


@endpoint("GET", "/users/{username}/statuses/{id}", media=_MEDIA, rate="none")
@endpoint("GET", "/@{username}/{id}", media=_MEDIA, rate="none")
async def note(ctx: Context, request: web.Request, username: str, id: int) -> Reply:
    """Give a Note or Question; 410 with a Tombstone after deletion."""
    uri = Uris(ctx.config.base_url).status(username, id)
    row = await readable_status(ctx, request, id)
    if row is None or _today(ctx, row.uri) != uri or row.reblog_of_id is not None:
        return await tombstone_of(ctx, uri)
    is_public = row.visibility in _PUBLIC
    body = await (_for_a_crowd(ctx, row) if is_public else _note(ctx, row))
    return activity_reply(addressed(ctx, request, row.uri, body), public=is_public)


def _today(ctx: Context, uri: str) -> str:
    return ctx.domains.today(uri, ctx.config.base_url)


def addressed(ctx: Context, request: web.Request, uri: str, body: bytes) -> bytes:
    """Give a document of a former domain as one of the base that it is asked for under, so that it
    is all of one origin; others as they are."""
    today = _today(ctx, uri)
    if today == uri:
        return body
    base, former = ctx.config.base_url, uri.removesuffix(today.removeprefix(ctx.config.base_url))
    asked = former_base(ctx, request)
    if asked is None:
        return dumps(documents.rebased(loads(body), former, base))
    return dumps(documents.rebased(loads(body), base, asked))


async def _note(ctx: Context, row: StatusRow) -> bytes:
    note = (await documents.notes(ctx, [row]))[row.id]
    if row.visibility not in _PUBLIC:
        return documents.serialise(note)
    made = row.edited_at or row.created_at
    return dumps(await proving.prove_object(ctx, ctx.db, row.account_id, to_document(note), made))


async def _for_a_crowd(ctx: Context, row: StatusRow) -> bytes:
    """Give the Note of a public status, made anew when its row changes, and every few seconds:
    what goes around is asked for by thousands of peers at once."""
    now_s = int(ctx.clock.now().timestamp())
    key = ("note", row.id, hash(repr(row)), now_s // _MADE_EVERY_S)
    body = ctx.entity_cache.get(key)
    if body is None:
        body = await _note(ctx, row)
        ctx.entity_cache.put(key, body)
    return body


@endpoint("GET", "/users/{username}/statuses/{id}/activity", media=_MEDIA, rate="none")
async def status_activity(ctx: Context, request: web.Request, username: str, id: int) -> Reply:
    """Give the Create or Announce that made a status."""
    uris = Uris(ctx.config.base_url)
    row = await _readable_activity(ctx, request, uris.status_activity(username, id))
    if row is None:
        return await tombstone_of(ctx, uris.status(username, id))
    return activity_reply(addressed(ctx, request, row.uri, row.document), public=row.listed)


@endpoint("GET", "/activities/{activity_id}", media=_MEDIA, rate="none")
async def activity(ctx: Context, request: web.Request, activity_id: int) -> Reply:
    """Give another activity of ours to whom it was addressed."""
    uri = Uris(ctx.config.base_url).activity(activity_id)
    row = await _readable_activity(ctx, request, uri)
    if row is None:
        raise NotFound("Record not found")
    return activity_reply(addressed(ctx, request, row.uri, row.document), public=row.listed)


@endpoint("GET", "/users/{username}/quote_authorizations/{id}", media=_MEDIA, rate="none")
async def quote_authorization(ctx: Context, request: web.Request, username: str, id: int) -> Reply:
    """Give the consent of one of our people to a quote (FEP-044f); 410 once it is taken back."""
    await check_fetch(ctx, request)
    uri = Uris(ctx.config.base_url).quote_authorization(username, id)
    row = await ctx.db.one(AUTHORIZATION_BY_URI, uri)
    if row is None:
        return await tombstone_of(ctx, uri)
    return activity_reply(documents.quote_authorization(uri, row))


@endpoint("GET", "/users/{username}/authorizations/{id}", media=_MEDIA, rate="none")
async def authorization(ctx: Context, request: web.Request, username: str, id: int) -> Reply:
    """Give the leave of one of our people to answer, like or boost (GoToSocial), to whoever may see
    what it is about; 410 once it is taken back."""
    await check_fetch(ctx, request)
    uri = Uris(ctx.config.base_url).authorization(username, id)
    row = await ctx.db.one(GIVEN_BY_URI, uri)
    about = await readable_status(ctx, request, row.status_id) if row is not None else None
    if row is None or about is None:
        return await tombstone_of(ctx, uri)
    body = documents.given_authorization(uri, row)
    return activity_reply(body, public=about.visibility in _PUBLIC)


async def readable_status(ctx: Context, request: web.Request, id: int) -> StatusRow | None:
    """Give a status that everybody, or else the signer of the request, may see."""
    await check_fetch(ctx, request)
    row = await ctx.db.one(VISIBLE_STATUS, id, None)
    if row is None and (reader := await signer_of(ctx, request)) is not None:
        row = await ctx.db.one(VISIBLE_STATUS, id, reader.id)
    return row


async def _readable_activity(ctx: Context, request: web.Request, uri: str) -> ActivityRow | None:
    """Give an activity that everybody, or else the signer of the request, may read."""
    await check_fetch(ctx, request)
    row = await ctx.db.one(ACTIVITY_BY_URI, uri)
    if row is not None and await _may_read(ctx, row, None):
        return row
    reader = await signer_of(ctx, request)
    return row if row is not None and await _may_read(ctx, row, reader) else None


async def _may_read(ctx: Context, row: ActivityRow, reader: AccountRow | None) -> bool:
    """Who may see the status an activity is about may read it; without one its addressees may."""
    if row.status_id is not None:
        status_reader = reader.id if reader else None
        return await ctx.db.value(STATUS_VISIBLE, row.status_id, status_reader) is True
    sent: Activity = parse_activity(loads(row.document))
    return reader is not None and reader.uri in (*sent.to, *sent.cc)


async def tombstone_of(ctx: Context, uri: str) -> Reply:
    """Give what is left of a deleted status; one that not everybody could read leaves nothing."""
    left = await ctx.db.one(TOMBSTONE_BY_URI, uri)
    if left is None or left.visibility not in _PUBLIC:
        raise NotFound("Record not found")
    if await ctx.db.one(STATUS_BY_URI, uri) is not None:
        raise NotFound("Record not found")
    return tombstone_reply(uri, left.former_type, left.deleted_at)

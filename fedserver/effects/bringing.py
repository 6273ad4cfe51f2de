"""Peers' objects become statuses: read from an activity, or fetched from where their id leads."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from html import escape
from typing import Any

from activitypub.addressing import visibility_of
from activitypub.errors import ProtocolError
from activitypub.model import Attachment, Object, Poll
from activitypub.origins import is_web_url, same_origin
from activitypub.parse import ACTOR_TYPES, parse_actor, parse_object
from fedserver.context import Context
from fedserver.effects.claims import claim_of_reply
from fedserver.effects.new_status import Mentioned, NewPoll, NewStatus, RemoteMedia, insert_status
from fedserver.effects.peer_collections import known_collections
from fedserver.effects.quoting import consents_of
from fedserver.effects.shown_objects import attachments_of, facts_of, links_of
from fedserver.effects.signals import signal_new
from fedserver.effects.wanted_threads import ask_for_thread
from fedserver.errors import FedserverError, Gone, NotFound, Refused
from fedserver.routing.doors import own_address
from fedserver.services import fetch, resolve
from fedserver.services.fetch import Budget
from fedserver.services.sources import html_of_source, is_text
from fedserver.services.text_in import clean_hashtag, clean_html, clean_plain, html_to_text
from storage.accounts import ACCOUNT_BY_URI_OR_URL, COUNT_STATUS, AccountRow
from storage.statuses import (
    STATUS_BY_URI,
    STATUS_BY_URI_OR_URL,
    STATUS_VISIBLE,
    TOMBSTONE_BY_URI,
    StatusRow,
)

MAX_MEDIA = 16
_MAX_SPOILER_CHARS = 2_000
_MAX_TAGS = 100
_MAX_STRANGERS = 5  # unknown mentioned accounts that are fetched for one status
_MAX_CHARS_AT_ONCE = 10_000  # of content that is cleaned without a thread
_OWN_TEXT = ("Note", "Question")
STATUS_TYPES = frozenset(
    {"Note", "Question", "Article", "Page", "Image", "Video", "Audio", "Event", "Document", "Place"}
)


async def bring_status(ctx: Context, uri: str, budget: Budget) -> StatusRow:
    """Give the status that `uri` names; fetch and store it (and what it answers) if unknown.

    Raises NotFound for what cannot be a status here, Gone for what was deleted, or an error of
    `services.fetch`.
    """
    known = await ctx.db.one(STATUS_BY_URI, uri)
    if known is not None:
        return known
    if same_origin(uri, ctx.config.base_url):
        raise NotFound("Record not found")
    if await ctx.db.one(TOMBSTONE_BY_URI, uri) is not None:
        raise Gone(uri)
    return await store_object(ctx, parse_object(await fetch.document(ctx, uri, budget)), budget)


async def find_by_url(ctx: Context, url: str, budget: Budget) -> AccountRow | StatusRow | None:
    """Give whom or what an address leads to, here or elsewhere; None for nothing we can show.

    Raises an error of `services.fetch` where the other server does not answer.
    """
    url = own_address(ctx.config, url)
    status = await ctx.db.one(STATUS_BY_URI_OR_URL, url)
    if status is not None:
        return status
    account = await ctx.db.one(ACCOUNT_BY_URI_OR_URL, url)
    if account is not None or same_origin(url, ctx.config.base_url):
        return account
    fetched = await fetch.document(ctx, url, budget)
    if fetched.get("type") in ACTOR_TYPES:
        return await resolve.store_actor(ctx, parse_actor(fetched), budget)
    return await store_object(ctx, parse_object(fetched), budget)


async def store_object(ctx: Context, fetched: Object, budget: Budget) -> StatusRow:
    """Store an object that was read from its own origin, and give its row."""
    if not fetched.attributed_to:
        raise Refused("the object names no author")
    author_uri = fetched.attributed_to[0]
    if not same_origin(author_uri, fetched.id):
        raise Refused("the object and its author have different origins")
    author = await resolve.account(ctx, author_uri, budget)
    if author.gone:
        raise NotFound("Record not found")
    status = await status_of_object(ctx, fetched, author, budget)
    async with ctx.db.transaction() as tx:
        passed = await insert_status(ctx, tx, author, status)
        if passed is not None and not passed.withheld:
            await tx.execute(COUNT_STATUS, author.id, 1, status.created_at, status.id)
            await signal_new(ctx, tx, status.id, status.created_at)
    row = await ctx.db.one(STATUS_BY_URI, fetched.id)
    if row is None:
        raise NotFound("Record not found")
    if status.replies_uri or status.context_uri:
        await ask_for_thread(ctx, row.thread_id, row.id)
    return row


async def posted_object(
    ctx: Context, uri: str, given: Object | None, author: AccountRow, budget: Budget
) -> NewStatus:
    """Give what `author` posted under `uri`: `given` with an activity of theirs, else fetched.

    Raises Refused for what is not the author's, or an error of `services.fetch`.
    """
    found = given or parse_object(await fetch.document(ctx, uri, budget))
    if author.uri not in found.attributed_to or found.id != uri:
        raise Refused("the object is not its author's")
    return await status_of_object(ctx, found, author, budget)


async def status_of_object(
    ctx: Context, given: Object, author: AccountRow, budget: Budget
) -> NewStatus:
    """Make a status of an object whose author is verified; cleaned, bounded, with its parent."""
    if given.type not in STATUS_TYPES:
        raise Refused(f"a {given.type} is not shown as a status")
    now = ctx.clock.now()
    created_at = min(given.published or now, now)
    parent = await _parent(ctx, given.in_reply_to, author, budget)
    return NewStatus(
        id=ctx.ids.at(created_at, after=parent.id if parent else 0),
        uri=given.id,
        url=_honest_url(given),
        object_type=given.type,
        visibility=str(visibility_of(given.to, given.cc, author.followers_url)),
        parent=parent,
        parent_uri=given.in_reply_to,
        content=await _cleaned(given),
        spoiler_text=_spoiler(given),
        sensitive=given.sensitive or bool(_spoiler(given)),
        language=_language(given.language),
        emojis=resolve.emoji_entries(given.emojis),
        mentions=await _mentions(ctx, given, author, budget),
        tags=_tags(given),
        collections=await known_collections(ctx, given.collections, budget),
        media=tuple(_media(attachments_of(given))),
        poll=_poll(given.poll, now) if given.poll else None,
        consents=await consents_of(ctx, given, author, budget, bring_status),
        claim=await claim_of_reply(ctx, given.id, given.authorization, parent, budget),
        created_at=created_at,
        replies_uri=_collection(given.replies, given),
        context_uri=_context(given),
    )


async def _parent(
    ctx: Context, uri: str | None, author: AccountRow, budget: Budget
) -> StatusRow | None:
    """Give what is answered; a parent that cannot be had leaves an orphan, not an error.

    A post of ours that the author may not see cannot be had: nobody enters a thread, or makes
    more people see that it is there, by naming its id.
    """
    if uri is None:
        return None
    try:
        parent = await bring_status(ctx, uri, budget)
    except (FedserverError, ProtocolError):
        return None
    if parent.local and not await ctx.db.value(STATUS_VISIBLE, parent.id, author.id):
        return None
    return parent


def _collection(uri: str | None, given: Object) -> str | None:
    """An object's own collections lie where it does itself."""
    return uri if uri and same_origin(uri, given.id) else None


def _context(given: Object) -> str | None:
    """The thread's collection is its first author's, who may be on any server (FEP-7888). Many
    write a `context` that is only a name."""
    return given.context if given.context and is_web_url(given.context) else None


def _honest_url(given: Object) -> str:
    """A page on another host than the id would let an author borrow somebody's name."""
    return given.url if given.url and same_origin(given.url, given.id) else given.id


async def _cleaned(given: Object) -> str:
    """Clean a long text in a thread, where it holds nobody up."""
    if given.content and len(given.content) < _MAX_CHARS_AT_ONCE:
        return _content(given)
    return await asyncio.to_thread(_content, given)


def _content(given: Object) -> str:
    content = clean_html(_given_html(given))
    if given.type in _OWN_TEXT:
        return _topic(given, content) + content
    body = content or clean_html(given.summary or "")
    return _title(given) + facts_of(given) + body + links_of(given) + _link(given)


def _topic(given: Object, content: str) -> str:
    """Forums name the Notes that begin a topic; what the text says already is not repeated."""
    if given.type != "Note" or not given.name or not content:
        return ""
    return "" if clean_plain(given.name, 500) in html_to_text(content) else _title(given)


def _given_html(given: Object) -> str:
    """The content as HTML; where only its source is text, or is all there is, made of that."""
    if given.content and not is_text(given.media_type):
        return given.content
    if given.content:
        return html_of_source(given.content, given.media_type)
    return html_of_source(given.source.content, given.source.media_type) if given.source else ""


def _title(given: Object) -> str:
    name = clean_plain(given.name or "", 500)
    return f"<p><strong>{escape(name, quote=False)}</strong></p>" if name else ""


def _link(given: Object) -> str:
    url = escape(_honest_url(given))
    return clean_html(f'<p><a href="{url}">{url}</a></p>')


def _spoiler(given: Object) -> str:
    """The summary of a Note is its content warning; that of an Article is not."""
    if given.type not in _OWN_TEXT or not given.summary:
        return ""
    return clean_plain(html_to_text(given.summary), _MAX_SPOILER_CHARS)


def _language(tag: str | None) -> str | None:
    return tag[:35] if tag and tag.replace("-", "").isalnum() and tag != "und" else None


def _tags(given: Object) -> tuple[str, ...]:
    names = (clean_hashtag(tag.name) for tag in given.hashtags[:_MAX_TAGS])
    return tuple(name for name in names if name)


async def _mentions(
    ctx: Context, given: Object, author: AccountRow, budget: Budget
) -> tuple[Mentioned, ...]:
    """Who is named in the text, and who is addressed without being named, where we know them."""
    named = {one.href for one in given.mentions if one.href}
    addressed = {uri for uri in (*given.to, *given.cc) if uri != author.followers_url}
    known = await resolve.known_accounts(ctx, [*named, *addressed])
    strangers = [uri for uri in sorted(named) if uri not in known][:_MAX_STRANGERS]
    for uri in strangers:
        found = await _stranger(ctx, uri, budget)
        if found is not None:
            known[uri] = found
    return tuple(
        Mentioned(row, silent=uri not in named) for uri, row in known.items() if row.id != author.id
    )


async def _stranger(ctx: Context, uri: str, budget: Budget) -> AccountRow | None:
    try:
        return await resolve.account(ctx, uri, budget)
    except (FedserverError, ProtocolError):
        return None


def _media(attachments: Iterable[Attachment]) -> Iterable[RemoteMedia]:
    for one in list(attachments)[:MAX_MEDIA]:
        kind = _kind(one)
        if kind is not None:
            yield RemoteMedia(
                type=kind,
                media_type=one.media_type,
                url=one.url,
                preview_url=one.preview_url,
                description=clean_plain(one.description or "", 10_000) or None,
                blurhash=one.blurhash if one.blurhash and len(one.blurhash) <= 100 else None,
                meta=_meta(one),
            )


_KINDS = {"image": "image", "video": "video", "audio": "audio"}


def _kind(one: Attachment) -> str | None:
    """What the API calls it; links and pages are no media."""
    by_media_type = _KINDS.get((one.media_type or "").partition("/")[0])
    if by_media_type or one.type in ("Link", "Page", "Article"):
        return by_media_type
    return _KINDS.get(one.type.lower(), "unknown")


def _meta(one: Attachment) -> dict[str, Any]:
    meta: dict[str, Any] = {}
    if one.width and one.height:
        meta["original"] = {
            "width": one.width,
            "height": one.height,
            "size": f"{one.width}x{one.height}",
            "aspect": one.width / one.height,
        }
    if one.focal_point:
        x, y = one.focal_point
        meta["focus"] = {"x": max(-1.0, min(x, 1.0)), "y": max(-1.0, min(y, 1.0))}
    return meta


def _poll(poll: Poll, now: datetime) -> NewPoll:
    closed_at = None if isinstance(poll.closed, bool) else poll.closed
    ended = (poll.end_time or now) if poll.closed is True else None
    return NewPoll(
        options=tuple(clean_plain(option.name, 500) for option in poll.options),
        votes=tuple(_bounded(option.votes) for option in poll.options),
        multiple=poll.multiple,
        hide_totals=False,
        expires_at=poll.end_time or closed_at,
        closed_at=closed_at or ended,
        voters_count=None if poll.voters_count is None else _bounded(poll.voters_count),
    )


def _bounded(count: int) -> int:
    """A number that others say, as far as it can be kept."""
    return max(0, min(count, 2**31 - 1))

"""Preview cards: which link of a status has one, and what the page behind it says."""

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Final
from urllib.parse import urlsplit

from activitypub.errors import ProtocolError
from activitypub.origins import host_of
from activitypub.webfinger import parse_handle
from fedserver.context import Context
from fedserver.errors import Denied, FedserverError, Gone, Invalid
from fedserver.outgoing import Limits, Response, TooLarge
from fedserver.services import fetch, resolve
from fedserver.services.attachments import image_limits
from fedserver.services.images import process_image
from fedserver.services.pages import Page, decoded, read_page, with_oembed
from fedserver.services.remote_media import Variant, remote_blob
from storage.accounts import AccountRow
from storage.cards import CARD_OF_URL, PUT_CARD, CardRow

# A page is asked again after this, when somebody links to it anew.
RENEW_AFTER: Final = timedelta(days=14)
_ANCHOR: Final = re.compile(r"<a ([^>]*)>")
_ATTRIBUTE: Final = re.compile(r'([a-z-]+)="([^"]*)"')
_QUOTED: Final = re.compile(r'<p class="quote-inline">.*?</p>', re.DOTALL)
_NO_LINK: Final = frozenset({"mention", "hashtag", "u-url"})
_AUTHOR_FETCHES: Final = 5
_MAX_URL_CHARS: Final = 2_000
_PAGE: Final = Limits(total_s=10.0, max_bytes=1_048_576)
_OEMBED: Final = Limits(total_s=5.0, max_bytes=65_536)


def link_of(html: str, base_url: str) -> str | None:
    """Give the first link of a status that is neither mention, hashtag nor quote, nor to us."""
    for opening in _ANCHOR.finditer(_QUOTED.sub("", html)):
        given = {name: unescape(value) for name, value in _ATTRIBUTE.findall(opening[1])}
        url = given.get("href", "")
        named = _NO_LINK & set(given.get("class", "").split())
        if named or "tag" in given.get("rel", "").split() or url.startswith(f"{base_url}/"):
            continue
        if url.startswith(("https://", "http://")) and len(url) <= _MAX_URL_CHARS:
            return url.partition("#")[0]
    return None


async def card_for(ctx: Context, url: str) -> CardRow | None:
    """Give the card of `url`, fetched where there is none of late; None: nothing to show.

    Raises Unreachable where a later try may give one.
    """
    known = await ctx.db.one(CARD_OF_URL, url)
    if known is None or ctx.clock.now() - known.fetched_at > RENEW_AFTER:
        known = await fetch.once(ctx, f"card {url}", lambda: _fetched(ctx, url))
    return known if known.shown else None


async def _fetched(ctx: Context, url: str) -> CardRow:
    try:
        page = await _read(ctx, url)
    except (Gone, Denied, TooLarge, ProtocolError, Invalid):
        page = Page()
    author = await _named_author(ctx, page.creator)
    card = await _with_image(ctx, _card(ctx, url, page, author))
    return replace(card, id=await ctx.db.value(PUT_CARD, *_columns(card)) or card.id)


def _columns(card: CardRow) -> list[object]:
    return [getattr(card, name) for name in CardRow.__dataclass_fields__]


async def _read(ctx: Context, url: str) -> Page:
    response = await _get(ctx, url, "text/html, application/xhtml+xml", _PAGE)
    content_type = response.headers.get("content-type", "").lower()
    if not content_type.startswith(("text/html", "application/xhtml+xml")):
        return Page()
    text = decoded(response.body, content_type)
    page = await asyncio.to_thread(read_page, text, response.url)
    if page.oembed_url is None or (page.title and page.image_url and page.author_name):
        return page
    try:
        told = await _get(ctx, page.oembed_url, "application/json", _OEMBED)
    except (FedserverError, ProtocolError):
        return page
    return with_oembed(page, told.body, response.url)


async def _get(ctx: Context, url: str, accept: str, limits: Limits) -> Response:
    host = host_of(url)
    if ctx.domains.refuses(host):
        raise Denied(403, f"GET {url}")
    response = await ctx.out.request(
        "GET", url, headers={"Accept": accept}, limits=limits, follow_redirects=True
    )
    return fetch.accepted(url, response)


async def _named_author(ctx: Context, creator: str) -> AccountRow | None:
    """Give the account that a page names as its author (`fediverse:creator`)."""
    if not creator.startswith("@"):
        return None
    try:
        handle = parse_handle(creator)
        return await resolve.account_by_handle(ctx, handle, fetch.Budget(_AUTHOR_FETCHES))
    except (FedserverError, ProtocolError):
        return None


def _names_page(author: AccountRow, url: str) -> bool:
    """Say whether the account names the page's domain (Mastodon: attributionDomains): anybody can
    claim a name."""
    host = host_of(url).partition(":")[0]
    named = (domain.lower() for domain in author.attribution_domains)
    return any(host == one or host.endswith(f".{one}") for one in named)


def _card(ctx: Context, url: str, page: Page, author: AccountRow | None) -> CardRow:
    host = urlsplit(url)
    consents = author is not None and _names_page(author, url)
    waits = author is not None and author.domain is None and not consents
    return CardRow(
        id=ctx.ids.new(),
        url=url,
        title=page.title,
        description=page.description,
        type="link",
        language=page.language,
        author_name=page.author_name,
        author_url=page.author_url,
        author_id=author.id if author and consents else None,
        provider_name=page.provider_name,
        provider_url=f"{host.scheme}://{host.netloc}" if page.provider_name else "",
        width=page.width if page.image_url else 0,
        height=page.height if page.image_url else 0,
        image_url=page.image_url,
        image_alt=page.image_alt,
        blurhash=None,
        published_at=page.published_at,
        shown=bool(page.title),
        fetched_at=ctx.clock.now(),
        has_video=page.has_video,
        unverified_author_id=author.id if author and waits else None,
    )


async def _with_image(ctx: Context, card: CardRow) -> CardRow:
    """Look at the picture once, so that it is there, has a size, and can be blurred before."""
    if card.image_url is None or not card.shown:
        return card
    try:
        blob = await remote_blob(ctx, card.image_url, Variant.SMALL)
        image = await process_image(await ctx.blobs.read(blob), limits=image_limits(ctx))
    except (FedserverError, ProtocolError):
        return replace(card, image_url=None, image_alt="", width=0, height=0)
    return replace(card, blurhash=image.blurhash, width=image.width, height=image.height)

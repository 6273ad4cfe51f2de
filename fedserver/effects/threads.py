"""Completing a thread: the replies and the context that peers list are read in the background
(FEP-f228), within bounds, and each item counts only as its own origin has it."""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from activitypub.errors import ProtocolError
from activitypub.model import Activity, Collection, Object
from activitypub.origins import host_of, same_origin
from activitypub.parse import parse_collection, parse_object
from fedserver.context import Context
from fedserver.effects.bringing import store_object
from fedserver.errors import FedserverError, Refused
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from storage.statuses import STATUS_BY_ID
from storage.threads import (
    COLLECTIONS_OF_THREAD,
    KNOWN_STATUS_URIS,
    URIS_IN_THREAD,
    CollectionsRow,
)

# All that one thread may cost at a time.
MAX_FETCHES = 60
MAX_FETCHES_PER_HOST = 40
MAX_PAGES = 12
MAX_ITEMS_LOOKED_AT = 500
MAX_NEW = 100
MAX_DEPTH = 4
MAX_SECONDS = 60.0
_BEGUN_WITH = 12  # collections of statuses that are known already


@dataclass(slots=True)
class _Crawl:
    """How far one completion has come, and what it may still do."""

    thread_id: int
    context_uris: set[str]
    budget: Budget = field(default_factory=lambda: Budget(MAX_FETCHES))
    by_host: dict[str, int] = field(default_factory=dict)
    waiting: deque[tuple[str, int]] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    pages: int = 0
    looked_at: int = 0
    brought: int = 0

    def wait_for(self, uri: str | None, depth: int) -> None:
        """Read the collection `uri` later, once."""
        if uri is not None and depth <= MAX_DEPTH and uri not in self.seen:
            self.seen.add(uri)
            self.waiting.append((uri, depth))

    def spend(self, uri: str) -> None:
        """Count a fetch from the host of `uri`. Raises Refused where it had its share."""
        host = host_of(uri)
        self.by_host[host] = self.by_host.get(host, 0) + 1
        if self.by_host[host] > MAX_FETCHES_PER_HOST:
            raise Refused(f"{host} was asked often enough")

    @property
    def full(self) -> bool:
        return (
            self.pages >= MAX_PAGES
            or self.brought >= MAX_NEW
            or self.looked_at >= MAX_ITEMS_LOOKED_AT
        )


async def complete_thread(ctx: Context, status_id: int) -> int:
    """Bring what peers list of a status's thread and we do not have; give how many came.

    Ends within MAX_SECONDS; what a peer does wrong, or does not answer, is passed over.
    """
    status = await ctx.db.one(STATUS_BY_ID, status_id)
    if status is None:
        return 0
    known = await ctx.db.fetch(COLLECTIONS_OF_THREAD, status.thread_id, status_id, _BEGUN_WITH)
    crawl = _Crawl(status.thread_id, {one.context_uri for one in known if one.context_uri})
    _begin(ctx, crawl, known)
    try:
        async with asyncio.timeout(MAX_SECONDS):
            while crawl.waiting and not crawl.full:
                await _read_collection(ctx, crawl, *crawl.waiting.popleft())
    except TimeoutError:
        pass
    return crawl.brought


def _begin(ctx: Context, crawl: _Crawl, known: list[CollectionsRow]) -> None:
    """The context first: it has the whole thread; then the replies to each of its posts."""
    for one in known:
        if one.context_uri and not same_origin(one.context_uri, ctx.config.base_url):
            crawl.wait_for(one.context_uri, 0)
    for one in known:
        crawl.wait_for(one.replies_uri, 0)


async def _read_collection(ctx: Context, crawl: _Crawl, uri: str, depth: int) -> None:
    """Read all pages of a collection, as far as we may; one that is wrong ends there."""
    page: str | Collection | None = uri
    try:
        while page is not None and not crawl.full:
            crawl.pages += 1
            read = await _page(ctx, crawl, page) if isinstance(page, str) else page
            await _take_items(ctx, crawl, read, uri, depth)
            page = _next_page(crawl, read, uri)
    except (FedserverError, ProtocolError):
        return


async def _page(ctx: Context, crawl: _Crawl, uri: str) -> Collection:
    crawl.spend(uri)
    return parse_collection(await fetch.document(ctx, uri, crawl.budget))


def _next_page(crawl: _Crawl, read: Collection, uri: str) -> str | Collection | None:
    """Give the page after this one. Pages lie where their collection does; none comes twice."""
    found = read.first if read.first is not None else read.next
    if found is None or isinstance(found, Collection):
        return found
    if found in crawl.seen or not same_origin(found, uri):
        return None
    crawl.seen.add(found)
    return found


async def _take_items(ctx: Context, crawl: _Crawl, read: Collection, uri: str, depth: int) -> None:
    items = dict(_items(read, uri))
    crawl.looked_at += len(items)
    ours = {one for one in items if same_origin(one, ctx.config.base_url)}
    known = set(await ctx.db.values(KNOWN_STATUS_URIS, list(items)))
    for item_uri, embedded in items.items():
        if crawl.full:
            return
        if item_uri in crawl.seen or item_uri in known or item_uri in ours:
            continue
        crawl.seen.add(item_uri)
        try:
            await _bring(ctx, crawl, item_uri, embedded, depth)
        except (FedserverError, ProtocolError):
            continue


def _items(read: Collection, uri: str) -> Iterator[tuple[str, Object | None]]:
    """Give what a page names. An object in it is believed where it lies at the page's origin."""
    for item in read.items:
        if isinstance(item, str):
            yield item, None
        elif isinstance(item, Activity):
            # A collection of activities (FEP-f228): what they made is the thread.
            if item.type == "Create" and item.object_id is not None:
                yield item.object_id, None
        elif isinstance(item, Object):
            yield item.id, item if same_origin(item.id, uri) else None


async def _bring(
    ctx: Context, crawl: _Crawl, uri: str, embedded: Object | None, depth: int
) -> None:
    """Store one item, if it says itself that it belongs to this thread."""
    found = embedded or await _object(ctx, crawl, uri)
    if not await _belongs(ctx, crawl, found):
        return
    await store_object(ctx, found, crawl.budget)
    crawl.brought += 1
    crawl.wait_for(_own_replies(found), depth + 1)


async def _object(ctx: Context, crawl: _Crawl, uri: str) -> Object:
    crawl.spend(uri)
    return parse_object(await fetch.document(ctx, uri, crawl.budget))


async def _belongs(ctx: Context, crawl: _Crawl, found: Object) -> bool:
    """A collection could name any post of the world: only answers to this thread are brought."""
    if found.context is not None and found.context in crawl.context_uris:
        return True
    answered = found.in_reply_to
    if answered is None:
        return False
    return bool(await ctx.db.values(URIS_IN_THREAD, crawl.thread_id, [answered]))


def _own_replies(found: Object) -> str | None:
    return found.replies if found.replies and same_origin(found.replies, found.id) else None

"""Signed fetches of ActivityPub documents, bounded for each activity that causes them."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from activitypub.confusion import refuse_confusing
from activitypub.errors import ProtocolError, Untrusted
from activitypub.json_bytes import loads
from activitypub.jsonld import is_usual, normalise
from activitypub.model import Actor, ActorKey
from activitypub.origins import host_of
from activitypub.parse import key_owner, parse_actor
from activitypub.signatures import Dialect, SignatureWish
from activitypub.trust import Fetched, Refetch, check_fetched, check_key_owner
from fedserver.context import Context
from fedserver.errors import Denied, FedserverError, Gone, Refused, Unreachable
from fedserver.outgoing import ForbiddenTarget, Limits, Response, TooLarge
from fedserver.services import mirrored, signing
from storage.hosts import FETCH_DIALECT_OF, REMEMBER_FETCH_DIALECT

ACCEPT = 'application/activity+json, application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
_REFUSALS = frozenset({400, 401, 403})
_GONE = frozenset({404, 410})
_FORGET_FAILURES_AFTER_S = 60.0
_MAX_FAILURES_KEPT = 2_000

T = TypeVar("T")
Json = dict[str, Any]


class Budget:
    """How many fetches one incoming activity, or one request of a person, may cause.

    Who spends it in one of a few `places` leaves the place to others while a peer is asked.
    """

    def __init__(self, fetches: int, places: asyncio.Semaphore | None = None) -> None:
        self._left = fetches
        self._places = places
        self._asking = 0
        self._depth = 0
        self._brought: dict[str, Json] = {}

    @contextmanager
    def deeper(self, most: int) -> Iterator[None]:
        """What is asked for only because something else that was fetched names it runs in here.
        Raises Refused more than `most` levels deep."""
        if self._depth >= most:
            raise Refused("it leads too far from the activity that came")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    def bring(self, document: Json) -> None:
        """An activity came with this document in it. It counts where its origin cannot be asked,
        if it proves itself; `document` has to be as it came."""
        uri = document.get("id")
        if isinstance(uri, str) and document.get("proof"):
            self._brought[uri] = document

    def brought(self, uri: str) -> Json | None:
        """Give what came under that id, unproven."""
        return self._brought.get(uri)

    @property
    def spent(self) -> bool:
        """Whether nothing more may be fetched."""
        return self._left <= 0

    def spend(self) -> None:
        """Count one fetch. Raises Refused when none is left."""
        if self._left <= 0:
            raise Refused("it would take more fetches than one activity may cause")
        self._left -= 1

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """What waits for a peer runs in here; no transaction may be open."""
        if self._places is not None and self._asking == 0:
            self._places.release()
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            if self._places is not None and self._asking == 0:
                await self._places.acquire()


async def document(ctx: Context, uri: str, budget: Budget) -> Json:
    """Fetch the document that `uri` names, as the instance actor, and check that it may speak.

    Where its origin does not answer, or answers with something else, what a mirror has counts if
    its author's proof is on it. Raises Gone (404, 410), Denied (another refusal), Unreachable,
    Refused (budget), or ProtocolError for what is not to be believed (FEP-fe34).
    """
    budget.spend()
    async with budget.asking():
        return await _shared(ctx).once(uri, lambda: _from_anywhere(ctx, uri, budget))


async def once(ctx: Context, name: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Give what `call` gives; all who ask under one `name` at a time share one call.

    A failure is given to whoever asks in the following minute, too.
    """
    return await _shared(ctx).once(name, call)


async def key(ctx: Context, key_id: str, budget: Budget) -> tuple[Actor, ActorKey]:
    """Fetch the actor that owns `key_id` and give both; each must name the other.

    A peer may serve a key as a document of its own, which then leads to its owner.
    """
    fetched = await document(ctx, key_id, budget)
    owner = key_owner(fetched)
    if owner is not None and "inbox" not in fetched:
        fetched = await document(ctx, owner, budget)
    actor = parse_actor(fetched)
    return actor, check_key_owner(actor, key_id)


async def _from_anywhere(ctx: Context, uri: str, budget: Budget) -> Json:
    try:
        return await _document(ctx, uri, budget)
    except (Unreachable, Untrusted):
        found = budget.brought(uri)
        if found is None or not await mirrored.proven_by_known_key(ctx, found):
            found = None if budget.spent else await mirrored.document(ctx, uri)
        if found is None:
            raise
        return await plain(found)


async def _document(ctx: Context, uri: str, budget: Budget) -> Json:
    fetched, verdict = await _checked(ctx, uri)
    if isinstance(verdict, Refetch):
        # A document under another address than its id counts only as the id's own address has it.
        budget.spend()
        fetched, verdict = await _checked(ctx, verdict.id)
    if isinstance(verdict, Refetch):
        raise Untrusted("the id of the document does not lead back to it")
    return fetched


async def _checked(ctx: Context, uri: str) -> tuple[Json, Fetched | Refetch]:
    response = await get(ctx, uri)
    fetched = await _read(response)
    verdict = check_fetched(
        fetched,
        requested_url=uri,
        final_url=response.url,
        content_type=response.headers.get("content-type", ""),
    )
    return fetched, verdict


async def _read(response: Response) -> Json:
    return await plain(loads(response.body, max_bytes=len(response.body)))


async def plain(given: Json) -> Json:
    """Give a document as plain JSON reading understands it (JSON-LD only where that is needed).

    Raises Untrusted or DocumentError for one that could be read in two ways.
    """
    usual = given if is_usual(given) else await asyncio.to_thread(normalise, given)
    refuse_confusing(usual)
    return dict(usual)


async def get(ctx: Context, url: str) -> Response:
    """GET `url`, signed in the dialect its host is known to take, in the other one if refused.

    Raises Refused where we do not federate with its host.
    """
    host = host_of(url)
    refuse_unfederated(ctx, host)
    key_of_instance = await signing.instance_key(ctx)
    known = await ctx.db.value(FETCH_DIALECT_OF, host)
    first = Dialect(known) if known else Dialect.CAVAGE
    response = await _get(ctx, url, key_of_instance, first)
    if response.status in _REFUSALS:
        second, wish = signing.second_knock(first, response, with_body=False)
        again = await _get(ctx, url, key_of_instance, second, wish)
        if again.status < 300:
            await ctx.db.execute(REMEMBER_FETCH_DIALECT, host, str(second), ctx.clock.now())
            response = again
    return accepted(url, response)


async def _get(
    ctx: Context,
    url: str,
    key_of_instance: signing.SigningKey,
    dialect: Dialect,
    wish: SignatureWish | None = None,
) -> Response:
    try:
        return await ctx.out.request(
            "GET",
            url,
            headers={"Accept": ACCEPT},
            limits=limits(ctx),
            signer=signing.signer(ctx, key_of_instance, dialect, wish),
            follow_redirects=True,
        )
    except (ForbiddenTarget, TooLarge) as error:
        # Asking again later would end alike.
        raise Untrusted(str(error)) from error


def refuse_unfederated(ctx: Context, host: str) -> None:
    """Raise Refused for a host that the admin's rules keep us from."""
    if ctx.domains.refuses(host):
        raise Refused(f"there is no federation with {host}")


def limits(ctx: Context) -> Limits:
    """Give what one request to a peer may cost."""
    federation = ctx.config.federation
    return Limits(total_s=federation.request_timeout_s, max_bytes=federation.max_document_bytes)


def accepted(url: str, response: Response) -> Response:
    """Give a 200 back. Raises Gone (404, 410), Unreachable (429, 5xx) or Denied for the rest."""
    if response.status in _GONE:
        raise Gone(url)
    if response.status == 429 or response.status >= 500:
        raise Unreachable(host_of(url), f"answered {response.status}")
    if response.status != 200:
        raise Denied(response.status, f"GET {url}")
    return response


class _Shared:
    """Fetches under way in this process, so that many who want one thing fetch it once, and what
    failed lately, so that it is not asked for again at once."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._under_way: dict[str, asyncio.Future[Any]] = {}
        self._failed: OrderedDict[str, tuple[float, Exception]] = OrderedDict()

    async def once(self, name: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self._raise_recent_failure(name)
        running = self._under_way.get(name)
        if running is None:
            running = asyncio.ensure_future(call())
            self._under_way[name] = running
            running.add_done_callback(lambda done: self._finished(name, done))
        result: T = await asyncio.shield(running)
        return result

    def _finished(self, name: str, done: asyncio.Future[Any]) -> None:
        del self._under_way[name]
        error = None if done.cancelled() else done.exception()
        if isinstance(error, FedserverError | ProtocolError) and not isinstance(error, Refused):
            self._failed[name] = (self._monotonic() + _FORGET_FAILURES_AFTER_S, error)
            while len(self._failed) > _MAX_FAILURES_KEPT:
                self._failed.popitem(last=False)

    def _raise_recent_failure(self, name: str) -> None:
        until, error = self._failed.get(name, (0.0, None))
        if error is None:
            return
        if self._monotonic() < until:
            # Without the frames of who met it before: they would pile up on the kept error.
            raise error.with_traceback(None)
        del self._failed[name]


_shared_by_context: WeakKeyDictionary[Any, _Shared] = WeakKeyDictionary()


def _shared(ctx: Context) -> _Shared:
    found = _shared_by_context.get(ctx.out)
    if found is None:
        found = _shared_by_context[ctx.out] = _Shared(ctx.clock.monotonic)
    return found

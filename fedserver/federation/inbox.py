"""The inboxes: verify, store, answer 202. What an activity does happens later, in a worker."""

from typing import Any

from aiohttp import web

from activitypub.errors import DocumentError, SignatureError, Untrusted
from activitypub.hearsay import Hearsay, read_hearsay
from activitypub.json_bytes import dumps, loads
from activitypub.model import Activity
from activitypub.origins import host_of, same_origin
from activitypub.parse import parse_envelope
from activitypub.signatures import SignedRequest
from activitypub.trust import Verified, authenticate
from fedserver.context import Context
from fedserver.errors import Forbidden
from fedserver.federation.requests import (
    claimed_hosts,
    refuse_blocked,
    refuse_blocked_uri,
)
from fedserver.federation.unnamed import completed
from fedserver.routing import Media, Reply, endpoint, signed_request, wanted_signature
from fedserver.services import fetch, followers, proving, refusals, relaying, verification
from fedserver.services.fetch import Budget
from fedserver.services.verification import KeyGone
from storage.accounts import ACCOUNT_BY_URI
from storage.forwarding import IS_KNOWN_STATUS
from storage.hosts import HEARD_FROM
from storage.inbox import NewItem

# The profile that makes JSON-LD an ActivityPub document (ActivityPub §3.2), with either scheme.
_PROFILE = "://www.w3.org/ns/activitystreams"
_HEARD_EVERY_S = 60.0
_PROOF_FETCHES = 4  # the key, its owner, and WebFinger of the owner
_ACCEPTED = Reply(b"", status=202, content_type="text/plain")


class Refusal(Exception):
    """A request to an inbox that is answered with `status`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


@endpoint("POST", "/inbox", media=Media.ACTIVITY, rate="none")
@endpoint("POST", "/actor/inbox", media=Media.ACTIVITY, rate="none")
async def shared_inbox(ctx: Context, request: web.Request) -> Reply:
    """Take an activity for anybody here (ActivityPub §7.1.3). 202 once it is durable."""
    return await _take(ctx, request)


@endpoint("POST", "/users/{username}/inbox", media=Media.ACTIVITY, rate="none")
async def inbox(ctx: Context, request: web.Request, username: str) -> Reply:
    """Take an activity for one person (ActivityPub §7.1). 202 once it is durable."""
    return await _take(ctx, request)


async def _take(ctx: Context, request: web.Request) -> Reply:
    try:
        refuse_blocked(ctx, request)
        body = await _read(ctx, request)
        document = await _parse(body)
        refuse_blocked_uri(ctx, str(document.get("actor")))
        if await _deletes_a_stranger(ctx, document):
            return _ACCEPTED
        proven = await _verify(ctx, signed_request(ctx, request, body), document)
        if proven is not None:
            await _store(ctx, *proven)
    except Refusal as refusal:
        for host in claimed_hosts(request)[:1]:
            await refusals.note(ctx, host, "us", "request", refusal.reason)
        headers = wanted_signature(with_body=True) if refusal.status == 401 else {}
        return Reply({"error": refusal.reason}, status=refusal.status, headers=headers)
    except Forbidden as error:
        return Reply({"error": str(error)}, status=403)
    return _ACCEPTED


async def _read(ctx: Context, request: web.Request) -> bytes:
    if not _is_activity_json(request):
        raise Refusal(415, "an activity is sent as application/activity+json")
    limit = ctx.config.federation.max_document_bytes
    if (request.content_length or 0) > limit:
        raise Refusal(413, f"an activity has at most {limit} bytes")
    body = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        body += chunk
        if len(body) > limit:
            raise Refusal(413, f"an activity has at most {limit} bytes")
    return bytes(body)


def _is_activity_json(request: web.Request) -> bool:
    if request.content_type == "application/ld+json":
        return _PROFILE in request.headers["Content-Type"]
    return request.content_type == "application/activity+json"


async def _parse(body: bytes) -> dict[str, Any]:
    try:
        return await fetch.plain(loads(body, max_bytes=len(body)))
    except (DocumentError, Untrusted) as error:
        raise Refusal(400, error.reason) from error


async def _deletes_a_stranger(ctx: Context, document: dict[str, Any]) -> bool:
    """Peers tell everybody when an account is deleted; its key is gone by then. Whom we never knew
    costs us nothing: no key is fetched."""
    actor = document.get("actor")
    if document.get("type") != "Delete" or not isinstance(actor, str):
        return False
    deleted = document.get("object")
    deleted_id = deleted.get("id") if isinstance(deleted, dict) else deleted
    return deleted_id == actor and await ctx.db.one(ACCOUNT_BY_URI, actor) is None


async def _verify(
    ctx: Context, request: SignedRequest, document: dict[str, Any]
) -> tuple[Verified | Hearsay, bytes] | None:
    """Give what the signer may say of it, and the bytes to keep; None for what is nothing to us:
    a Delete that nobody can prove any more, or a relay's other news."""
    try:
        key = await verification.signer(ctx, request)
        if key.suspended:
            raise Refusal(403, "the actor is suspended here")
        await _note_sign_of_life(ctx, key.actor_uri)
        document, body = _whole(document, key.actor_uri, request)
        activity = parse_envelope(document)
        by_relay = activity.actor != key.actor_uri and await relaying.is_relay(ctx, key.actor_uri)
        if by_relay and activity.type in relaying.NEWS:
            return _named_by_relay(document, key.actor_uri)
        author = await _author(ctx, document, activity.actor, key.actor_uri)
        if by_relay and author != activity.actor:
            return _named_by_relay(document, key.actor_uri)
        if activity.actor != author and await _concerns_us(ctx, document, activity):
            return read_hearsay(activity, author), body
        verified = authenticate(activity, author)
        if author == key.actor_uri:
            await followers.hear(ctx, request, author)
        return verified, body
    except KeyGone as error:
        if document.get("type") == "Delete":
            return None
        raise Refusal(401, error.reason) from error
    except SignatureError as error:
        raise Refusal(401, error.reason) from error
    except Untrusted as error:
        raise Refusal(403, error.reason) from error
    except DocumentError as error:
        raise Refusal(400, error.reason) from error


def _whole(
    document: dict[str, Any], signer: str, request: SignedRequest
) -> tuple[dict[str, Any], bytes]:
    """Give the activity with what its sender left out, and the bytes to keep."""
    whole = completed(document, signer, request)
    return (document, request.body) if whole is None else (whole, dumps(whole))


def _named_by_relay(document: dict[str, Any], relay: str) -> tuple[Verified, bytes] | None:
    """Of what a relay passes on, only that the relay names it is its to say."""
    announce = relaying.as_announce(document, relay)
    if announce is None:
        return None
    return authenticate(parse_envelope(announce), relay), dumps(announce)


async def _author(ctx: Context, document: dict[str, Any], actor: str | None, sender: str) -> str:
    """Give who provably made the activity: the sender, or else whose proof it bears (FEP-8b32)."""
    if actor == sender:
        return sender
    proven = await proving.proven_actor(ctx, document, Budget(_PROOF_FETCHES))
    return proven or sender


async def _concerns_us(ctx: Context, document: dict[str, Any], activity: Activity) -> bool:
    """Whether it is worth asking the origin for what somebody brings without proof: it is, or
    answers, a status that is known here. What is ours nobody brings us."""
    if activity.actor is None or same_origin(activity.actor, ctx.config.base_url):
        return False
    created = document.get("object")
    answered = created.get("inReplyTo") if isinstance(created, dict) else None
    ids = [one for one in (activity.object_id, answered) if isinstance(one, str)]
    return await ctx.db.value(IS_KNOWN_STATUS, ids) is True


async def _store(ctx: Context, said: Verified | Hearsay, body: bytes) -> None:
    if isinstance(said, Hearsay):
        # Under a name of its own, so that nobody can take the place of the activity itself.
        name = f"{said.activity_id} brought by {said.sender}"
        item = NewItem(name, said.sender, said.type, body)
    else:
        activity = said.activity
        item = NewItem(activity.id or "", said.signer, activity.type, body)
    await ctx.inbox.put(item, ctx.clock.now())


async def _note_sign_of_life(ctx: Context, signer: str) -> None:
    """A peer that sends us anything is there: what waits for it is due."""
    host = host_of(signer)
    if ctx.recent.claim(("heard from", host), every_s=_HEARD_EVERY_S):
        await ctx.db.execute(HEARD_FROM, host, ctx.clock.now())

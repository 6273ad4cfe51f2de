"""How signatures are agreed upon: what a 401 asks for, what we make of a peer's wish, and what is
remembered of a host."""

import http_sf
import pytest
from aiohttp import web

from activitypub.keys import load_public_key
from activitypub.signatures import Dialect, check_signature, read_claim
from fedserver.errors import Gone
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from storage.accounts import SIGNER_KEY
from storage.hosts import FETCH_DIALECT_OF
from tests.federation.conftest import Server, deliver, lane_of, send, waiting
from tests.federation.fake_peer import (
    ACTIVITY_JSON,
    CONTEXT,
    Answerer,
    FakePeer,
    PeerActor,
    Request,
)

WISH = 'ask=("@method" "@authority" "date");created;expires;nonce="n-1";tag="peer"'


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def test_refused_activity_is_told_how_to_sign(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    headers = {"Content-Type": ACTIVITY_JSON}
    async with peer.session.post(server.shared_inbox, data=b"{}", headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["Accept-Signature"] == (
            'sig1=("@method" "@target-uri" "content-digest");created'
        )
        assert answer.headers["WWW-Authenticate"] == (
            'Signature realm="fedserver",headers="(request-target) host date digest"'
        )


async def test_refused_fetch_is_told_how_to_sign(server: Server, peer: FakePeer) -> None:
    headers = {"Accept": ACTIVITY_JSON, "Signature": "wrong"}
    async with peer.session.get(f"{server.base_url}/activities/1", headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["Accept-Signature"] == 'sig1=("@method" "@target-uri");created'


async def test_client_without_a_token_is_not_asked_for_a_signature(
    server: Server, peer: FakePeer
) -> None:
    url = f"{server.base_url}/api/v1/accounts/verify_credentials"
    async with peer.session.get(url) as answer:
        assert answer.status == 401
        assert "Accept-Signature" not in answer.headers


def wishing(wish: str, status: int = 401, *, then: int = 202) -> Answerer:
    """Answer with a wish until it is fulfilled."""

    async def answer(request: Request) -> web.StreamResponse:
        if "n-1" in request.headers.get("signature-input", ""):
            if request.method == "POST":
                return web.Response(status=then)
            url = f"http://{request.headers['host']}{request.path}"
            document = {"@context": CONTEXT, "id": url, "type": "Note"}
            return web.json_response(document, content_type=ACTIVITY_JSON)
        return web.Response(status=status, headers={"Accept-Signature": wish})

    return answer


def check_fulfilled(request: Request, *required: str) -> None:
    members = http_sf.parse(request.headers["signature-input"].encode(), tltype="dictionary")
    components, parameters = members["ask"]
    assert [name for name, _ in components] == ["@method", "@authority", "date", *required]
    assert (parameters["nonce"], parameters["tag"]) == ("n-1", "peer")
    assert parameters["expires"] > parameters["created"]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_delivery_is_signed_as_the_peer_wishes(
    server: Server, peer: FakePeer, inbox: str, status: int
) -> None:
    peer.answer_inbox = wishing(WISH, status)
    await send(server, inbox)
    await deliver(server)
    assert await waiting(server) == 0
    first, second = peer.received
    assert first.dialect is Dialect.CAVAGE
    check_fulfilled(second, "@target-uri", "content-digest")
    assert (await lane_of(server, peer)).dialect == "rfc9421"


async def test_wish_of_a_host_known_to_take_rfc9421_is_fulfilled_too(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = wishing(WISH)
    for _ in range(2):
        await send(server, inbox)
        await deliver(server)
    assert await waiting(server) == 0
    assert [request.dialect for request in peer.received] == [
        Dialect.CAVAGE,
        *[Dialect.RFC9421] * 3,
    ]


async def test_fetch_is_signed_as_the_peer_wishes(server: Server, peer: FakePeer) -> None:
    peer.documents["/notes/1"] = wishing(WISH)
    url = f"{peer.base_url}/notes/1"
    assert (await fetch.document(server.ctx, url, Budget(1)))["id"] == url
    check_fulfilled(peer.asked[1], "@target-uri")


async def test_wish_that_cannot_be_fulfilled_leaves_the_usual_second_knock(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = wishing('ask=("cookie");nonce="n-1"')
    await send(server, inbox)
    await deliver(server)
    assert len(peer.received) == 2
    second = peer.received[1]
    claim = read_claim(second.signed(peer.base_url), now=server.ctx.clock.now())
    assert claim.dialect is Dialect.RFC9421
    assert "n-1" not in second.headers["signature-input"]


# What is remembered of a host.


def taking(dialect: Dialect) -> Answerer:
    """Serve a note to who signs in one dialect."""

    async def answer(request: Request) -> web.StreamResponse:
        if request.dialect is not dialect:
            return web.Response(status=401)
        url = f"http://{request.headers['host']}{request.path}"
        document = {"@context": CONTEXT, "id": url, "type": "Note"}
        return web.json_response(document, content_type=ACTIVITY_JSON)

    return answer


async def test_what_a_get_taught_does_not_change_how_activities_are_sent(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    """A peer may read RFC 9421 on a GET, and drop it silently in its inbox."""
    for number in (1, 2):
        peer.documents[f"/notes/{number}"] = taking(Dialect.RFC9421)
        await fetch.document(server.ctx, f"{peer.base_url}/notes/{number}", Budget(1))
    assert await server.ctx.db.value(FETCH_DIALECT_OF, peer.host) == "rfc9421"
    await send(server, inbox)
    await deliver(server)
    (sent,) = peer.received
    assert sent.dialect is Dialect.CAVAGE
    assert (await lane_of(server, peer)).dialect == "cavage"


async def test_what_a_post_taught_does_not_change_how_documents_are_fetched(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    async def only_rfc9421(request: Request) -> web.StreamResponse:
        return web.Response(status=202 if request.dialect is Dialect.RFC9421 else 401)

    peer.answer_inbox = only_rfc9421
    await send(server, inbox)
    await deliver(server)
    assert (await lane_of(server, peer)).dialect == "rfc9421"
    peer.documents["/notes/1"] = taking(Dialect.CAVAGE)
    await fetch.document(server.ctx, f"{peer.base_url}/notes/1", Budget(1))
    assert [request.dialect for request in peer.asked] == [Dialect.CAVAGE]


async def test_get_that_is_simply_refused_teaches_nothing(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    peer.serve("/notes/1", {}, status=404)
    with pytest.raises(Gone):
        await fetch.document(server.ctx, f"{peer.base_url}/notes/1", Budget(1))
    assert len(peer.asked) == 1
    assert await server.ctx.db.value(FETCH_DIALECT_OF, peer.host) in (None, "cavage")


async def test_our_own_signature_holds_for_us(
    server: Server, peer: FakePeer, inbox: str, mallory: PeerActor
) -> None:
    """What we send is what we would take, with and without a wish."""
    peer.answer_inbox = wishing(WISH)
    await send(server, inbox)
    await deliver(server)
    for request in peer.received:
        claim = read_claim(request.signed(peer.base_url), now=server.ctx.clock.now())
        key = await server.ctx.db.one(SIGNER_KEY, claim.key_id)
        assert key is not None
        check_signature(claim, load_public_key(key.public_key))

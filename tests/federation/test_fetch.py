"""Fetching from peers: signed, bounded, shared, and believed only where it comes from."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from activitypub.errors import DocumentError, ProtocolError, Untrusted
from activitypub.keys import load_public_key
from activitypub.signatures import Dialect, check_signature, read_claim
from activitypub.webfinger import Handle
from fedserver.clock import FixedClock
from fedserver.context import Context
from fedserver.errors import Denied, FedserverError, Gone, Refused, Unreachable
from fedserver.services import discover, fetch
from fedserver.services.fetch import Budget
from storage.accounts import ACCOUNT_BY_URI, KEYS_OF_ACCOUNT
from storage.hosts import FETCH_DIALECT_OF
from tests.conftest import unused_port
from tests.federation.conftest import MAX_DOCUMENT_BYTES, Server, make_config, serve
from tests.federation.fake_peer import (
    ACTIVITY_JSON,
    CONTEXT,
    PROFILED_JSON,
    FakePeer,
    PeerActor,
    Request,
    start_peer,
)
from tests.waiting import until


@pytest.fixture
def ctx(server: Server) -> Context:
    return server.ctx


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


def note(peer: FakePeer, path: str = "/notes/1") -> dict[str, Any]:
    return {"@context": CONTEXT, "id": peer.base_url + path, "type": "Note", "content": "Hi"}


# How a document is asked for.


async def test_a_get_is_signed_by_the_instance_actor(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/notes/1", note(peer))
    assert await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1)) == note(peer)
    (request,) = peer.asked
    assert ACTIVITY_JSON in request.headers["accept"]
    assert PROFILED_JSON in request.headers["accept"]
    assert request.headers["user-agent"].startswith("fedserver/")
    claim = read_claim(request.signed(peer.base_url), now=ctx.clock.now())
    instance = await ctx.db.one(ACCOUNT_BY_URI, f"{ctx.config.base_url}/actor")
    assert instance is not None
    keys = await ctx.db.fetch(KEYS_OF_ACCOUNT, instance.id)
    (rsa,) = [key for key in keys if key.uri == claim.key_id]
    check_signature(claim, load_public_key(rsa.public_key))


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_signature_is_tried_in_the_other_dialect_and_remembered(
    ctx: Context, peer: FakePeer, status: int
) -> None:
    async def only_rfc9421(request: Request) -> web.StreamResponse:
        if request.dialect is Dialect.CAVAGE:
            return web.Response(status=status)
        path = request.path
        return web.json_response(note(peer, path), content_type=ACTIVITY_JSON)

    for number in (1, 2):
        peer.documents[f"/notes/{number}"] = only_rfc9421
        await fetch.document(ctx, f"{peer.base_url}/notes/{number}", Budget(1))
    assert [request.dialect for request in peer.asked] == [
        Dialect.CAVAGE,
        Dialect.RFC9421,
        Dialect.RFC9421,
    ]
    assert await ctx.db.value(FETCH_DIALECT_OF, peer.host) == "rfc9421"


async def test_both_dialects_refused_is_denied(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/notes/1", {}, status=403)
    with pytest.raises(Denied) as denied:
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1))
    assert denied.value.status == 403
    assert len(peer.asked) == 2
    assert await ctx.db.value(FETCH_DIALECT_OF, peer.host) in (None, "cavage")


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Gone), (410, Gone), (406, Denied), (429, Unreachable), (500, Unreachable)],
)
async def test_each_status_has_its_error(
    ctx: Context, peer: FakePeer, status: int, error: type[FedserverError]
) -> None:
    peer.serve("/notes/1", {}, status=status)
    with pytest.raises(error):
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1))


async def test_many_who_want_one_document_fetch_it_once(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/notes/1", note(peer))
    uri = f"{peer.base_url}/notes/1"
    got = await asyncio.gather(*(fetch.document(ctx, uri, Budget(1)) for _ in range(10)))
    assert got == [note(peer)] * 10
    assert len(peer.asked) == 1


async def test_one_who_gives_up_does_not_stop_the_others(ctx: Context, peer: FakePeer) -> None:
    asked, answer_now = asyncio.Event(), asyncio.Event()

    async def slowly(_request: Request) -> web.StreamResponse:
        asked.set()
        await answer_now.wait()
        return web.json_response(note(peer), content_type=ACTIVITY_JSON)

    peer.documents["/notes/1"] = slowly
    uri = f"{peer.base_url}/notes/1"
    impatient = asyncio.create_task(fetch.document(ctx, uri, Budget(1)))
    await asked.wait()
    budget = Budget(1)
    patient = asyncio.create_task(fetch.document(ctx, uri, budget))

    async def joined() -> bool:
        return budget.spent

    await until(joined)
    impatient.cancel()
    answer_now.set()
    assert await patient == note(peer)


# What failed lately.


async def test_a_failure_is_remembered_for_a_minute(ctx: Context, peer: FakePeer) -> None:
    clock = FixedClock(datetime.now(UTC))
    ctx = replace(ctx, clock=clock)
    uri = f"{peer.base_url}/notes/1"
    for _ in range(3):
        with pytest.raises(Gone):
            await fetch.document(ctx, uri, Budget(1))
    assert len(peer.asked) == 1
    clock.move(timedelta(seconds=61))
    peer.serve("/notes/1", note(peer))
    assert await fetch.document(ctx, uri, Budget(1)) == note(peer)


async def test_a_remembered_failure_does_not_grow(ctx: Context, peer: FakePeer) -> None:
    uri = f"{peer.base_url}/notes/1"
    frames = []
    for _ in range(10):
        with pytest.raises(Gone) as gone:
            await fetch.document(ctx, uri, Budget(1))
        frames.append(len(traceback.extract_tb(gone.value.__traceback__)))
    assert len(set(frames[1:])) == 1


# Limits.


async def test_a_budget_that_is_used_up_refuses(ctx: Context, peer: FakePeer) -> None:
    for number in (1, 2, 3):
        peer.serve(f"/notes/{number}", note(peer, f"/notes/{number}"))
    budget = Budget(2)
    for number in (1, 2):
        await fetch.document(ctx, f"{peer.base_url}/notes/{number}", budget)
    with pytest.raises(Refused):
        await fetch.document(ctx, f"{peer.base_url}/notes/3", budget)
    assert len(peer.asked) == 2


async def test_leading_back_to_the_id_costs_budget_too(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/@mallory/1", note(peer))
    peer.serve("/notes/1", note(peer))
    with pytest.raises(Refused):
        await fetch.document(ctx, f"{peer.base_url}/@mallory/1", Budget(1))


async def test_an_oversized_document_is_not_read(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/notes/1", note(peer) | {"content": "x" * MAX_DOCUMENT_BYTES})
    with pytest.raises(Untrusted, match="larger"):
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1))


@pytest.fixture
async def hasty(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Server]:
    """Give a server that does not wait long."""
    config = make_config(database_dsn, tmp_path / "hasty", peer, request_timeout_s=0.2)
    async with serve(config) as started:
        yield started


async def test_a_peer_that_never_answers_is_unreachable(hasty: Server, peer: FakePeer) -> None:
    stop = asyncio.Event()

    async def never(_request: Request) -> web.StreamResponse:
        await stop.wait()
        return web.Response()

    peer.documents["/notes/1"] = never
    with pytest.raises(Unreachable, match="within"):
        await fetch.document(hasty.ctx, f"{peer.base_url}/notes/1", Budget(1))
    stop.set()


@pytest.mark.parametrize(
    "uri",
    [
        "http://127.0.0.1:1/notes/1",
        "http://[::1]/notes/1",
        "http://10.0.0.1/notes/1",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "http://user@localhost/notes/1",
        "nonsense",
    ],
)
async def test_nothing_but_peers_is_asked(ctx: Context, uri: str) -> None:
    with pytest.raises((Unreachable, ProtocolError)):
        await fetch.document(ctx, uri, Budget(1))


async def test_a_redirect_to_a_private_address_is_not_followed(
    ctx: Context, peer: FakePeer
) -> None:
    peer.serve("/notes/1", {}, status=302, headers={"Location": "http://127.0.0.1:1/secret"})
    with pytest.raises(Untrusted, match="not public"):
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1))


async def test_endless_redirects_end(ctx: Context, peer: FakePeer) -> None:
    uri = f"{peer.base_url}/notes/1"
    peer.serve("/notes/1", {}, status=302, headers={"Location": uri})
    with pytest.raises(Unreachable, match="redirects"):
        await fetch.document(ctx, uri, Budget(1))
    assert len(peer.asked) <= 4


# What is believed.


@pytest.mark.parametrize("content_type", [ACTIVITY_JSON, PROFILED_JSON])
async def test_activity_types_are_believed(ctx: Context, peer: FakePeer, content_type: str) -> None:
    peer.serve("/notes/1", note(peer), content_type=content_type)
    assert await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1)) == note(peer)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/ld+json", "text/html", "application/octet-stream"],
)
async def test_an_uploaded_file_is_not_a_document(
    ctx: Context, peer: FakePeer, content_type: str
) -> None:
    peer.serve("/notes/1", note(peer), content_type=content_type)
    with pytest.raises(Untrusted):
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1))


async def test_a_page_address_leads_to_the_document_at_its_id(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/@mallory/1", note(peer) | {"content": "something else"})
    peer.serve("/notes/1", note(peer))
    assert await fetch.document(ctx, f"{peer.base_url}/@mallory/1", Budget(2)) == note(peer)


async def test_an_id_that_does_not_lead_back_is_not_believed(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/@mallory/1", note(peer, "/notes/1"))
    peer.serve("/notes/1", note(peer, "/notes/2"))
    with pytest.raises(Untrusted):
        await fetch.document(ctx, f"{peer.base_url}/@mallory/1", Budget(5))
    assert peer.times_asked("/notes/2") == 0


@pytest.mark.parametrize("id_", ["https://elsewhere.example/notes/1", None, 5, "urn:x"])
async def test_a_document_of_another_origin_is_not_believed(
    ctx: Context, peer: FakePeer, id_: Any
) -> None:
    peer.serve("/notes/1", note(peer) | {"id": id_})
    with pytest.raises(ProtocolError):
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(5))


async def test_a_redirect_does_not_lend_the_first_origin(
    database_dsn: str, tmp_path: Path, peer: FakePeer
) -> None:
    """Who redirects to somebody else's server does not speak for it, nor that one for them."""
    async with (
        start_peer(unused_port()) as other,
        serve(make_config(database_dsn, tmp_path / "here", peer, other)) as server,
    ):
        elsewhere = f"{other.base_url}/notes/1"
        peer.serve("/notes/1", {}, status=302, headers={"Location": elsewhere})
        other.serve("/notes/1", note(peer))
        with pytest.raises(Untrusted):
            await fetch.document(server.ctx, f"{peer.base_url}/notes/1", Budget(5))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"id": 1, "id": 2}',
        b'{"id":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
    ids=["empty", "list", "repeated key", "deep"],
)
async def test_a_malformed_document_is_not_read(ctx: Context, peer: FakePeer, body: bytes) -> None:
    peer.serve("/notes/1", body)
    with pytest.raises(DocumentError):
        await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(1))


async def test_a_remote_context_is_never_fetched(ctx: Context, peer: FakePeer) -> None:
    context = [CONTEXT, f"{peer.base_url}/context.jsonld"]
    peer.serve("/notes/1", note(peer) | {"@context": context})
    await fetch.document(ctx, f"{peer.base_url}/notes/1", Budget(5))
    assert peer.times_asked("/context.jsonld") == 0


# Keys.


async def test_a_key_leads_to_its_owner(ctx: Context, mallory: PeerActor) -> None:
    actor, key = await fetch.key(ctx, mallory.key_id, Budget(2))
    assert (actor.id, key.id) == (mallory.uri, mallory.key_id)


async def test_a_key_whose_owner_is_gone_is_gone(ctx: Context, peer: FakePeer) -> None:
    peer.serve("/users/gone", {}, status=410)
    with pytest.raises(Gone):
        await fetch.key(ctx, f"{peer.base_url}/users/gone#main-key", Budget(2))


# Handles.


async def test_a_handle_leads_to_its_actor(
    ctx: Context, peer: FakePeer, mallory: PeerActor
) -> None:
    uri = await discover.find_actor_uri(ctx, Handle("mallory", peer.host), Budget(5))
    assert uri == mallory.uri


async def test_an_unknown_handle_is_gone(ctx: Context, peer: FakePeer) -> None:
    with pytest.raises(Gone):
        await discover.find_actor_uri(ctx, Handle("nobody", peer.host), Budget(5))


async def test_host_meta_may_say_where_webfinger_is(
    ctx: Context, peer: FakePeer, mallory: PeerActor
) -> None:
    template = f"{peer.base_url}/finger?who={{uri}}"
    xml = (
        '<?xml version="1.0"?><XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">'
        f'<Link rel="lrdd" template="{template}"/></XRD>'
    )
    peer.serve("/.well-known/host-meta", xml.encode(), content_type="application/xrd+xml")
    jrd = {"links": [{"rel": "self", "type": ACTIVITY_JSON, "href": mallory.uri}]}
    acct = f"acct:moved@{peer.host}"

    async def finger(_request: Request) -> web.StreamResponse:
        return web.json_response(jrd | {"subject": acct}, content_type="application/jrd+json")

    peer.documents[f"/finger?who={acct}"] = finger
    uri = await discover.find_actor_uri(ctx, Handle("moved", peer.host), Budget(5))
    assert uri == mallory.uri


def webfinger_path(name: str, host: str) -> str:
    return f"/.well-known/webfinger?resource=acct:{name}@{host}"


async def test_a_handle_of_another_domain_counts_only_if_that_domain_says_so(
    database_dsn: str, tmp_path: Path, peer: FakePeer, mallory: PeerActor
) -> None:
    async with (
        start_peer(unused_port()) as domain,
        serve(make_config(database_dsn, tmp_path / "here", peer, domain)) as server,
    ):
        at_host = Handle("mallory", peer.host)
        links = [{"rel": "self", "type": ACTIVITY_JSON, "href": mallory.uri}]
        jrd = {"subject": f"acct:mallory@{domain.host}", "links": links}
        peer.serve(webfinger_path("mallory", peer.host), jrd, content_type="application/jrd+json")
        with pytest.raises(Gone):
            await discover.confirmed_handle(server.ctx, at_host, mallory.uri, Budget(9))

        domain.serve(
            webfinger_path("mallory", domain.host), jrd, content_type="application/jrd+json"
        )
        confirmed = await discover.confirmed_handle(server.ctx, at_host, mallory.uri, Budget(9))
        assert confirmed == Handle("mallory", domain.host)


async def test_a_domain_that_leads_to_somebody_else_confirms_nothing(
    database_dsn: str, tmp_path: Path, peer: FakePeer, mallory: PeerActor
) -> None:
    async with (
        start_peer(unused_port()) as domain,
        serve(make_config(database_dsn, tmp_path / "here", peer, domain)) as server,
    ):
        claimed = {
            "subject": f"acct:victim@{domain.host}",
            "links": [{"rel": "self", "type": ACTIVITY_JSON, "href": mallory.uri}],
        }
        peer.serve(
            webfinger_path("mallory", peer.host), claimed, content_type="application/jrd+json"
        )
        domain.actor("victim")
        with pytest.raises(Untrusted):
            await discover.confirmed_handle(
                server.ctx, Handle("mallory", peer.host), mallory.uri, Budget(9)
            )

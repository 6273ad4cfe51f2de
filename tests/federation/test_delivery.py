"""Deliveries: in lanes by host, signed as the host wants it, kept until they arrive or it is clear
that they never will."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from activitypub.keys import load_public_key
from activitypub.signatures import Dialect, check_signature, read_claim
from fedserver.context import Context
from fedserver.services import signing, users
from fedserver.services.signing import SigningKey
from fedserver.workers.delivery_worker import (
    IN_FLIGHT_PER_HOST,
    lease,
)
from storage.accounts import ACCOUNT_BY_ID, KEYS_OF_ACCOUNT, AccountRow
from tests.federation.conftest import (
    PASSWORD,
    Server,
    deliver,
    deliver_when_due_again,
    lane_of,
    send,
    waiting,
)
from tests.federation.fake_peer import (
    PROFILED_JSON,
    FakePeer,
    Request,
    answering,
)


def ids_of(requests: list[Request]) -> list[str]:
    return [request.document["id"] for request in requests]


# What is sent.


async def test_a_delivery_is_signed_by_its_author_and_then_forgotten(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    (uri,) = await send(server, inbox)
    await deliver(server)
    (request,) = peer.received
    assert request.document == {"id": uri, "type": "Like", "actor": server.alice.uri}
    assert request.headers["content-type"] == PROFILED_JSON
    await check_signed_by_alice(server, peer, request, Dialect.CAVAGE)
    assert await waiting(server) == 0
    lane = await lane_of(server, peer)
    assert (lane.next_try_at, lane.leased_until, lane.failures) == (None, None, 0)


async def check_signed_by_alice(
    server: Server, peer: FakePeer, request: Request, dialect: Dialect
) -> None:
    claim = read_claim(request.signed(peer.base_url), now=server.ctx.clock.now())
    assert claim.dialect is dialect
    assert claim.key_id == f"{server.alice.uri}#main-key"
    keys = await server.ctx.db.fetch(KEYS_OF_ACCOUNT, server.alice.id)
    (rsa,) = [key for key in keys if key.kind == "rsa"]
    check_signature(claim, load_public_key(rsa.public_key))


async def test_all_that_waits_arrives_the_oldest_first(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    uris = await send(server, inbox, count=45)
    await deliver(server)
    arrived = ids_of(peer.received)
    assert arrived == uris
    assert await waiting(server) == 0


async def test_a_host_never_has_more_than_a_few_in_flight(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    at_once, most = 0, 0

    async def count(_request: Request) -> web.StreamResponse:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.005)  # as slow as a real server, so that requests overlap
        at_once -= 1
        return web.Response(status=202)

    peer.answer_inbox = count
    for name in ("bob", "carol", "dave"):
        account_id = await users.create_user(server.ctx, name, f"{name}@mail.example", PASSWORD)
        author = await server.ctx.db.one(ACCOUNT_BY_ID, account_id)
        await send(server, inbox, count=6, author=author)
    await deliver(server)
    assert most == IN_FLIGHT_PER_HOST


async def test_one_activity_goes_to_several_inboxes_of_a_host(
    server: Server, peer: FakePeer
) -> None:
    await send(server, f"{peer.base_url}/users/one/inbox", f"{peer.base_url}/users/two/inbox")
    await deliver(server)
    assert sorted(request.path for request in peer.received) == [
        "/users/one/inbox",
        "/users/two/inbox",
    ]


async def test_a_lane_is_leased_to_one_process_only(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    await send(server, inbox)
    assert len(await lease(server.ctx, 50)) == 1
    assert await lease(server.ctx, 50) == []


# Dialects.


def refusing(dialect: Dialect, status: int) -> Callable[[Request], Any]:
    async def answer(request: Request) -> web.StreamResponse:
        return web.Response(status=status if request.dialect is dialect else 202)

    return answer


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_refused_signature_is_tried_in_the_other_dialect_and_remembered(
    server: Server, peer: FakePeer, inbox: str, status: int
) -> None:
    peer.answer_inbox = refusing(Dialect.CAVAGE, status)
    await send(server, inbox, count=3)
    await deliver(server)
    dialects = [request.dialect for request in peer.received]
    assert dialects == [Dialect.CAVAGE, Dialect.RFC9421, Dialect.RFC9421, Dialect.RFC9421]
    await check_signed_by_alice(server, peer, peer.received[-1], Dialect.RFC9421)
    assert await waiting(server) == 0

    peer.received.clear()
    await send(server, inbox)
    await deliver(server)
    assert [request.dialect for request in peer.received] == [Dialect.RFC9421]


async def test_a_host_may_go_back_to_the_first_dialect(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = refusing(Dialect.CAVAGE, 401)
    await send(server, inbox)
    await deliver(server)
    peer.answer_inbox = refusing(Dialect.RFC9421, 401)
    await send(server, inbox)
    await deliver(server)
    assert await waiting(server) == 0
    assert (await lane_of(server, peer)).dialect == "cavage"


async def test_a_dialect_that_did_not_help_is_not_remembered(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(401)
    await send(server, inbox)
    await deliver(server)
    assert (await lane_of(server, peer)).dialect == "cavage"


# Refusals.


@pytest.mark.parametrize("status", [400, 404, 405, 413, 422, 301])
async def test_what_is_not_wanted_there_is_dropped_with_its_reason(
    server: Server, peer: FakePeer, inbox: str, status: int
) -> None:
    peer.answer_inbox = answering(status)
    await send(server, inbox)
    await deliver(server)
    assert await waiting(server) == 0
    lane = await lane_of(server, peer)
    assert str(status) in (lane.last_error or "")
    assert lane.next_try_at is None


@pytest.mark.parametrize("status", [401, 403])
async def test_a_signature_that_is_not_believed_may_be_believed_later(
    server: Server, peer: FakePeer, inbox: str, status: int
) -> None:
    """The peer may have failed to fetch our key."""
    peer.answer_inbox = answering(status)
    await send(server, inbox)
    await deliver(server)
    assert await waiting(server) == 1
    lane = await lane_of(server, peer)
    assert lane.next_try_at is not None
    assert lane.next_try_at > server.ctx.clock.now()
    peer.answer_inbox = answering(202)
    await deliver_when_due_again(server)
    assert await waiting(server) == 0


async def test_a_signature_that_is_never_believed_is_given_up(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(401)
    await send(server, inbox)
    for _ in range(3):
        await deliver_when_due_again(server)
    assert await waiting(server) == 0
    assert "401" in ((await lane_of(server, peer)).last_error or "")


async def test_one_author_whom_a_host_does_not_believe_holds_up_no_other(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    bob = await make_bob(server)

    async def answer(request: Request) -> web.StreamResponse:
        is_bob = request.document["actor"] == bob.uri
        return web.Response(status=401 if is_bob else 202)

    peer.answer_inbox = answer
    await send(server, inbox, author=bob)
    uris = await send(server, inbox, count=2)
    await deliver(server)
    assert await waiting(server) == 1
    assert set(uris) <= set(ids_of(peer.received))


async def make_bob(server: Server) -> AccountRow:
    bob_id = await users.create_user(server.ctx, "bob", "bob@mail.example", PASSWORD)
    bob = await server.ctx.db.one(ACCOUNT_BY_ID, bob_id)
    assert bob is not None
    return bob


async def test_an_activity_that_cannot_be_sent_is_given_up_and_holds_up_no_other(
    server: Server, peer: FakePeer, inbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await make_bob(server)
    unbroken = signing.signing_key

    async def break_for_bob(ctx: Context, account_id: int, said: str) -> SigningKey:
        if account_id == bob.id:
            raise RuntimeError("the key is broken")
        return await unbroken(ctx, account_id, said)

    monkeypatch.setattr(signing, "signing_key", break_for_bob)
    await send(server, inbox, author=bob)
    await send(server, inbox, count=2)
    for _ in range(3):
        await deliver_when_due_again(server)
    assert len(peer.received) == 2
    assert await waiting(server) == 0

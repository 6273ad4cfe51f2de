"""Hosts in trouble and hosts that are gone: left alone for a while, or for good."""

from datetime import timedelta

import pytest
from aiohttp import web

from fedserver.workers.delivery_worker import (
    lease,
)
from tests.federation.conftest import (
    HOST,
    NOT_HEARD_LATELY,
    Server,
    deliver,
    deliver_when_due_again,
    lane_of,
    send,
    waiting,
)
from tests.federation.fake_peer import (
    FakePeer,
    Request,
    answering,
)

# Trouble.


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_a_host_in_trouble_is_left_alone_for_a_while(
    server: Server, peer: FakePeer, inbox: str, status: int
) -> None:
    peer.answer_inbox = answering(status)
    await send(server, inbox, count=5)
    await deliver(server)
    assert len(peer.received) == 1
    assert await waiting(server) == 5
    lane = await lane_of(server, peer)
    assert (lane.failures, lane.leased_until) == (1, None)
    assert lane.next_try_at is not None
    assert lane.next_try_at > server.ctx.clock.now() + timedelta(seconds=50)
    assert await lease(server.ctx, 50) == []


async def test_the_pauses_grow_with_each_failure(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(500)
    await send(server, inbox)
    pauses = []
    for _ in range(3):
        await deliver_when_due_again(server)
        at = (await lane_of(server, peer)).next_try_at
        assert at is not None
        pauses.append(at - server.ctx.clock.now())
    assert pauses == sorted(pauses)
    assert pauses[-1] >= timedelta(minutes=15)


async def test_retry_after_is_honoured(server: Server, peer: FakePeer, inbox: str) -> None:
    peer.answer_inbox = answering(429, headers={"Retry-After": "7200"})
    await send(server, inbox)
    await deliver(server)
    at = (await lane_of(server, peer)).next_try_at
    assert at is not None
    assert at > server.ctx.clock.now() + timedelta(minutes=119)


async def test_a_retry_after_that_makes_no_sense_does_not_jam_the_lane(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(503, headers={"Retry-After": "9" * 6_000})
    await send(server, inbox)
    await deliver(server)
    lane = await lane_of(server, peer)
    assert (lane.failures, lane.leased_until) == (1, None)


async def test_a_host_that_cannot_be_reached_is_left_alone_for_a_while(server: Server) -> None:
    await send(server, "http://localhost:1/inbox")
    await deliver(server)
    row = await server.ctx.db.one(HOST, "localhost:1")
    assert row is not None
    assert row.failures == 1
    assert await waiting(server) == 1


async def test_success_ends_the_back_off(server: Server, peer: FakePeer, inbox: str) -> None:
    peer.answer_inbox = answering(500, 202)
    await send(server, inbox, count=2)
    await deliver(server)
    await deliver_when_due_again(server)
    assert await waiting(server) == 0
    assert (await lane_of(server, peer)).failures == 0


async def test_new_activities_do_not_cut_a_back_off_short(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(500)
    await send(server, inbox)
    await deliver(server)
    before = (await lane_of(server, peer)).next_try_at
    await send(server, inbox)
    assert (await lane_of(server, peer)).next_try_at == before


async def test_any_sign_of_life_cuts_a_back_off_short(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(500, 202)
    await send(server, inbox)
    await deliver(server)
    mallory = peer.actor("mallory")
    assert (await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)).status == 202
    await deliver(server)
    assert await waiting(server) == 0


async def test_a_sign_of_life_that_is_not_theirs_does_not(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    peer.answer_inbox = answering(500)
    await send(server, inbox)
    await deliver(server)
    mallory = peer.actor("mallory")
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory, without=("digest",))
    assert await lease(server.ctx, 50) == []


# Hosts and inboxes that are gone.


async def test_a_host_whose_shared_inbox_is_gone_gets_nothing_any_more(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    mallory = peer.actor("mallory")
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)  # makes it known
    peer.answer_inbox = answering(410)
    await send(server, inbox, count=3)
    await deliver(server)
    assert await waiting(server) == 0
    assert (await lane_of(server, peer)).gone_at is not None
    await send(server, inbox)
    assert await waiting(server) == 0


async def test_a_host_that_speaks_again_is_not_gone(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    mallory = peer.actor("mallory")
    await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    peer.answer_inbox = answering(410, 202)
    await send(server, inbox)
    await deliver(server)
    await server.ctx.db.execute(NOT_HEARD_LATELY)
    forget_recent(server)
    await peer.post(server.shared_inbox, mallory.create(2), actor=mallory)
    await send(server, inbox)
    await deliver(server)
    assert await waiting(server) == 0
    assert [request.path for request in peer.received] == ["/inbox", "/inbox"]


def forget_recent(server: Server) -> None:
    """As if the minute in which a sign of life is noted once had passed."""
    server.ctx.recent.__init__(server.ctx.clock)  # type: ignore[misc]  # there is no other reset


async def test_an_inbox_of_one_person_that_is_gone_takes_nothing_else_with_it(
    server: Server, peer: FakePeer
) -> None:
    async def answer(request: Request) -> web.StreamResponse:
        return web.Response(status=410 if "gone" in request.path else 202)

    peer.answer_inbox = answer
    await send(server, f"{peer.base_url}/users/gone/inbox", f"{peer.base_url}/users/here/inbox")
    await deliver(server)
    assert await waiting(server) == 0
    assert (await lane_of(server, peer)).gone_at is None
    assert len(peer.received) == 2

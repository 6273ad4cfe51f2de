"""The delivery worker: woken by what is written, held up by nobody, and restarted without loss."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from activitypub.signatures import check_signature, read_claim
from fedserver.workers.delivery_worker import (
    lease,
)
from storage.query import Command
from tests.conftest import unused_port
from tests.federation.conftest import (
    Server,
    deliver,
    delivering,
    lane_of,
    make_config,
    send,
    serve,
    waiting,
)
from tests.federation.fake_peer import (
    FakePeer,
    PeerActor,
    Request,
    answering,
    start_peer,
)
from tests.waiting import until

# The worker.


async def test_the_worker_delivers_what_is_written_while_it_sleeps(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    async with delivering(server.ctx):
        for _ in range(3):
            await send(server, inbox)
            await until(lambda: _is_empty(server))
    assert len(peer.received) == 3


async def _is_empty(server: Server) -> bool:
    return await waiting(server) == 0


async def test_a_sign_of_life_wakes_the_worker(server: Server, peer: FakePeer, inbox: str) -> None:
    peer.answer_inbox = answering(500, 202)
    mallory = peer.actor("mallory")
    async with delivering(server.ctx):
        await send(server, inbox)
        await until(lambda: _backs_off(server, peer))
        await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
        await until(lambda: _is_empty(server))


async def _backs_off(server: Server, peer: FakePeer) -> bool:
    return (await lane_of(server, peer)).failures == 1


async def test_a_host_that_never_answers_holds_up_no_other(
    database_dsn: str, tmp_path: Path, peer: FakePeer
) -> None:
    async with start_peer(unused_port()) as tarpit:
        stop = asyncio.Event()

        async def never(_request: Request) -> web.StreamResponse:
            await stop.wait()
            return web.Response(status=202)

        tarpit.answer_inbox = never
        async with serve(make_config(database_dsn, tmp_path / "here", peer, tarpit)) as server:
            await send(server, f"{tarpit.base_url}/inbox", f"{peer.base_url}/inbox", count=20)
            async with delivering(server.ctx):
                await until(lambda: _received(peer, 20))
                assert len(tarpit.received) == 1
            stop.set()


async def _received(peer: FakePeer, count: int) -> bool:
    return len(peer.received) >= count


async def test_an_orderly_stop_leaves_nothing_leased_and_loses_nothing(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    stop = asyncio.Event()

    async def never(_request: Request) -> web.StreamResponse:
        await stop.wait()
        return web.Response(status=202)

    peer.answer_inbox = never
    await send(server, inbox, count=3)
    async with delivering(server.ctx):
        await until(lambda: _received(peer, 1))
    stop.set()
    assert await waiting(server) == 3
    assert (await lane_of(server, peer)).leased_until is None
    peer.answer_inbox = None
    peer.received.clear()
    await deliver(server)
    assert len(peer.received) == 3
    assert await waiting(server) == 0


async def test_what_a_killed_process_had_leased_is_sent_by_the_next(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    await send(server, inbox)
    assert len(await lease(server.ctx, 50)) == 1  # and then it dies
    await server.ctx.db.execute(
        Command("UPDATE hosts SET leased_until = now() - interval '1 second'")
    )
    await deliver(server)
    assert len(peer.received) == 1


async def test_a_peer_knows_mallory_is_not_alice(server: Server, peer: FakePeer) -> None:
    """The tests above rest on it: the signature check of the peer is a real one."""
    mallory = PeerActor(peer.base_url, "mallory", peer.actor("mallory").key)
    await send(server, f"{peer.base_url}/inbox")
    await deliver(server)
    claim = read_claim(peer.received[0].signed(peer.base_url), now=server.ctx.clock.now())
    with pytest.raises(Exception, match="does not verify"):
        check_signature(claim, mallory.key.public_key())

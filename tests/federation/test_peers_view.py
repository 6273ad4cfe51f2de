"""What the admin sees of each peer: its state, its queue, and why things were refused."""

from datetime import timedelta

import pytest

from fedserver.services import domains, refusals
from fedserver.services.peers import Peer, peers
from storage.peers import REFUSALS_KEPT
from storage.query import Command, Value
from tests.federation.conftest import Server, deliver, deliver_when_due_again, send
from tests.federation.fake_peer import FakePeer, answering
from tests.federation.processing import mentioning, take

ALL = Value("SELECT count(*) FROM refusals", int)


async def seen(server: Server, peer: FakePeer) -> Peer:
    (found,) = await peers(server.ctx, host=peer.host, failing=False)
    return found


async def test_a_peer_that_takes_everything_is_ok(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    await send(server, inbox)
    assert (await seen(server, peer)).row.waiting == 1
    await deliver(server)
    found = await seen(server, peer)
    assert (found.state, found.row.waiting, found.refusals) == ("ok", 0, ())
    assert found.row.last_success_at is not None
    assert await peers(server.ctx, host=None, failing=True) == []


async def test_the_states_of_trouble(server: Server, peer: FakePeer, inbox: str) -> None:
    peer.answer_inbox = answering(503)
    await send(server, inbox, count=2)
    await deliver(server)
    found = await seen(server, peer)
    assert found.state.startswith("backing off until 20")
    assert (found.row.waiting, found.row.last_error) == (2, "answered 503")
    since = server.ctx.clock.now() - timedelta(days=8)
    await server.ctx.db.execute(Command("UPDATE hosts SET failing_since = $1"), since)
    await deliver_when_due_again(server)
    found = await seen(server, peer)
    assert found.state.startswith("parked since 20")
    assert found.row.waiting == 0
    assert [one.row.host for one in await peers(server.ctx, host=None, failing=True)] == [peer.host]


async def test_the_rules_show(server: Server, peer: FakePeer, inbox: str) -> None:
    await send(server, inbox)
    await deliver(server)
    await domains.put_rule(server.ctx, peer.host, "limit")
    assert (await seen(server, peer)).state == "limited, ok"
    await domains.put_rule(server.ctx, peer.host, "block")
    assert (await seen(server, peer)).state == "blocked"


async def test_refusals_of_both_sides_are_told_with_their_reasons(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    mallory = peer.actor("mallory")
    await send(server, inbox)
    peer.answer_inbox = answering(404)
    await deliver(server)
    boost = mallory.activity("Announce", 3, object=f"{server.alice.uri}/nothing")
    assert (await take(server, peer, mallory, boost)).outcome == "ignored"
    wrong = mentioning(mallory, server.alice.uri, 4, type="Relationship")
    assert (await take(server, peer, mallory, wrong)).outcome == "refused"
    said = {
        (one.refused_by, one.activity, one.reason) for one in (await seen(server, peer)).refusals
    }
    assert ("them", "Like", "answered 404") in said
    assert [who for who, what, _ in said if what == "Create"] == ["us"]


async def test_a_request_that_proves_nothing_is_told_of_a_host_we_know_only(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    mallory = peer.actor("mallory")
    answer = await peer.post(server.shared_inbox, mallory.create(1), key=peer.actor("x").key)
    assert answer.status == 401
    assert await server.ctx.db.value(ALL) == 0
    await send(server, inbox)  # and now it is known
    server.ctx.recent.__init__(server.ctx.clock)  # type: ignore[misc]  # as if time had passed
    answer = await peer.post(server.shared_inbox, mallory.create(1), key=peer.actor("x").key)
    assert answer.status == 401
    (refusal,) = (await seen(server, peer)).refusals
    assert (refusal.refused_by, refusal.activity) == ("us", "request")


@pytest.mark.parametrize("count", [REFUSALS_KEPT + 5])
async def test_a_few_refusals_are_kept(
    server: Server, peer: FakePeer, inbox: str, count: int
) -> None:
    await send(server, inbox)
    for number in range(count):
        server.ctx.recent.__init__(server.ctx.clock)  # type: ignore[misc]  # as if time had passed
        await refusals.note(server.ctx, peer.host, "us", "Create", f"reason {number}")
    await refusals.note(server.ctx, peer.host, "us", "Create", "at once again")
    kept = [one.reason for one in (await seen(server, peer)).refusals]
    assert kept == [f"reason {number}" for number in reversed(range(5, count))]

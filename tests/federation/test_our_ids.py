"""Ids of this instance that come from outside: refused wherever they would make or change
something, and answered threads stay with those who may see them."""

from collections.abc import Callable

import pytest

from fedserver.effects import Create, NewStatus, perform
from storage.accounts import ACCOUNT_BY_URI
from storage.query import Value
from storage.statuses import STATUS_BY_URI
from tests.federation.conftest import Server
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, state, take

REPLIES = Value("SELECT replies_count FROM statuses WHERE uri = $1", int)
Make = Callable[[Server, PeerActor], Json]


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


def _note_with_our_id(server: Server, mallory: PeerActor) -> Json:
    return mallory.note(50, id=f"{server.base_url}/users/alice/statuses/50")


def _note_by_alice(server: Server, mallory: PeerActor) -> Json:
    return mallory.note(50, attributedTo=server.alice.uri)


def _note_by_alice_and_mallory(server: Server, mallory: PeerActor) -> Json:
    return mallory.note(50, attributedTo=[server.alice.uri, mallory.uri])


def _article_with_our_id(server: Server, mallory: PeerActor) -> Json:
    return mallory.note(50, id=f"{server.base_url}/notes/50", type="Article", name="x")


def _our_actor(server: Server, mallory: PeerActor) -> Json:
    return mallory.document(id=f"{server.base_url}/users/bob")


@pytest.mark.parametrize(
    "make",
    [
        _note_with_our_id,
        _note_by_alice,
        _note_by_alice_and_mallory,
        _article_with_our_id,
        _our_actor,
    ],
)
@pytest.mark.parametrize("kind", ["Create", "Update", "Announce"])
async def test_nobody_writes_in_our_name(
    server: Server, peer: FakePeer, mallory: PeerActor, make: Make, kind: str
) -> None:
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    thing = make(server, mallory)
    before = await state(server)
    activity = mallory.activity(kind, 50, object=thing, to=[PUBLIC], cc=[server.alice.uri])
    answer = await peer.post(server.shared_inbox, activity, actor=mallory)
    assert answer.status in (202, 403), answer
    if answer.status == 202:
        second = activity | {"id": f"{mallory.base_url}/activities/51"}
        item = await take(server, peer, mallory, second)
        assert item.outcome in ("ignored", "refused"), item.reason
    assert await state(server) == before


@pytest.mark.parametrize(
    "changes",
    [
        lambda server: {"inbox": f"{server.base_url}/inbox"},
        lambda server: {"inbox": server.alice.inbox_url},
        lambda server: {"inbox": None},
        lambda server: {"preferredUsername": None},
    ],
)
async def test_an_actor_cannot_take_our_inbox_for_its_own(
    server: Server, peer: FakePeer, mallory: PeerActor, changes: Callable[[Server], Json]
) -> None:
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    before = await state(server)
    document = mallory.document(**changes(server))
    item = await take(server, peer, mallory, mallory.activity("Update", 2, object=document))
    assert item.outcome in ("ignored", "refused"), item.reason
    assert await state(server) == before


async def test_an_unknown_actor_with_our_inbox_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    peer.serve("/users/mallory", mallory.document(inbox=f"{server.base_url}/inbox"))
    before = await state(server)
    answer = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    assert answer.status == 401
    assert await state(server) == before


async def test_an_actor_cannot_take_our_collections_for_its_own(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    alice = server.alice
    changes = {
        "followers": alice.followers_url,
        "following": f"{alice.uri}/following",
        "featured": f"{alice.uri}/collections/featured",
        "outbox": f"{alice.uri}/outbox",
        "url": alice.url,
        "endpoints": {"sharedInbox": server.shared_inbox},
    }
    await take(server, peer, mallory, mentioning(mallory, alice.uri, 1))
    document = mallory.document(**changes)
    await take(server, peer, mallory, mallory.activity("Update", 2, object=document))
    row = await server.ctx.db.one(ACCOUNT_BY_URI, mallory.uri)
    assert row is not None
    kept = (row.followers_url, row.following_url, row.featured_url, row.outbox_url)
    assert kept == (None,) * 4
    assert row.url == mallory.uri
    assert row.shared_inbox_url is None


async def _post_of_alice(server: Server, visibility: str) -> str:
    number = server.ctx.ids.new()
    uri = f"{server.alice.uri}/statuses/{number}"
    status = NewStatus(
        id=number,
        uri=uri,
        url=uri,
        visibility=visibility,
        content="<p>Secret</p>",
        created_at=server.ctx.clock.now(),
    )
    await perform(server.ctx, Create(actor=server.alice, uri=f"{uri}/activity", status=status))
    return uri


@pytest.mark.parametrize(
    ("visibility", "joins"),
    [("public", True), ("unlisted", True), ("private", False), ("direct", False)],
)
async def test_a_reply_joins_only_a_thread_that_its_author_may_see(
    server: Server, peer: FakePeer, mallory: PeerActor, visibility: str, joins: bool
) -> None:
    uri = await _post_of_alice(server, visibility)
    reply = mentioning(mallory, server.alice.uri, 2, inReplyTo=uri)
    item = await take(server, peer, mallory, reply)
    assert item.outcome == "done", item.reason
    row = await server.ctx.db.one(STATUS_BY_URI, reply["object"]["id"])
    assert row is not None
    assert (row.in_reply_to_id is not None) is joins
    assert await server.ctx.db.values(REPLIES, uri) == [int(joins)]
    seen = await peer.get(uri)
    assert (seen.status == 200) is joins


@pytest.mark.parametrize("kind", ["Announce", "Like"])
async def test_what_is_answered_in_public_stays_hidden(
    server: Server, peer: FakePeer, mallory: PeerActor, kind: str
) -> None:
    """Neither a public reply nor what follows it opens a followers-only post to anybody."""
    uri = await _post_of_alice(server, "private")
    reply = mentioning(mallory, server.alice.uri, 2, inReplyTo=uri, to=[PUBLIC])
    await take(server, peer, mallory, reply)
    act = mallory.activity(kind, 3, object=uri, to=[PUBLIC])
    item = await take(server, peer, mallory, act)
    assert item.outcome == "ignored", item.reason
    assert (await peer.get(uri)).status == (await peer.get(uri, actor=mallory)).status == 404

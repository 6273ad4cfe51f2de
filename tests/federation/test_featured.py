"""What peers pin: Add, Remove, and their featured collections."""

import pytest

from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.workers.acquaintance import read_some_featured
from storage.accounts import AccountRow
from storage.query import Command, Value
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, PeerActor
from tests.federation.processing import mentioning, take

PINNED = Value("SELECT uri FROM statuses WHERE pinned_at IS NOT NULL ORDER BY pinned_at DESC", str)
FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    VALUES (2, $1, $2, 'x', now(), now())
    """
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    actor = peer.actor("mallory")
    peer.serve("/users/mallory", actor.document(featured=f"{actor.uri}/featured"))
    return actor


async def known(server: Server, actor: PeerActor) -> AccountRow:
    return await resolve.account(server.ctx, actor.uri, Budget(9))


async def outcome(
    server: Server, peer: FakePeer, actor: PeerActor, kind: str, number: int, uri: str, target: str
) -> str | None:
    activity = actor.activity(kind, number, object=uri, target=target)
    return (await take(server, peer, actor, activity)).outcome


async def test_a_peer_pins_and_unpins(server: Server, peer: FakePeer, mallory: PeerActor) -> None:
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    uri, featured = f"{peer.base_url}/notes/1", f"{mallory.uri}/featured"
    assert await outcome(server, peer, mallory, "Add", 2, uri, featured) == "done"
    assert await outcome(server, peer, mallory, "Add", 3, uri, featured) == "duplicate"
    assert await server.ctx.db.values(PINNED) == [uri]
    assert await outcome(server, peer, mallory, "Remove", 4, uri, featured) == "done"
    assert await server.ctx.db.values(PINNED) == []


async def test_nobody_pins_for_others_or_what_others_wrote(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victor = peer.actor("victor")
    peer.serve("/users/victor", victor.document(featured=f"{victor.uri}/featured"))
    await take(server, peer, victor, mentioning(victor, server.alice.uri, 1))
    uri = f"{peer.base_url}/notes/1"
    own, theirs = f"{mallory.uri}/featured", f"{victor.uri}/featured"
    assert await outcome(server, peer, mallory, "Add", 2, uri, theirs) == "ignored"
    assert await outcome(server, peer, mallory, "Add", 3, uri, own) == "ignored"
    assert await outcome(server, peer, mallory, "Add", 4, uri, f"{mallory.uri}/x") == "ignored"
    assert await server.ctx.db.values(PINNED) == []
    assert await outcome(server, peer, victor, "Add", 5, uri, theirs) == "done"
    for number, target in ((6, own), (7, theirs)):
        await outcome(server, peer, mallory, "Remove", number, uri, target)
    assert await server.ctx.db.values(PINNED) == [uri]


async def test_an_unknown_post_is_fetched_for_followers_only(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    uri, featured = f"{peer.base_url}/notes/1", f"{mallory.uri}/featured"
    peer.serve("/notes/1", mallory.note(1))
    assert await outcome(server, peer, mallory, "Add", 2, uri, featured) == "ignored"
    assert peer.times_asked("/notes/1") == 0
    await server.ctx.db.execute(FOLLOW, server.alice.id, (await known(server, mallory)).id)
    assert await outcome(server, peer, mallory, "Add", 3, uri, featured) == "done"
    assert await server.ctx.db.values(PINNED) == [uri]


async def test_the_collection_of_a_followed_account_is_read_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victor = peer.actor("victor")
    for number in (1, 2):
        peer.serve(f"/notes/{number}", mallory.note(number))
    peer.serve("/notes/3", victor.note(3))
    lie = mallory.note(2, content="<p>Not what is there</p>")
    items = [f"{peer.base_url}/notes/1", lie, f"{peer.base_url}/notes/3", "https://far.test/n"]
    collection = {"id": f"{mallory.uri}/featured", "type": "OrderedCollection"}
    peer.serve("/users/mallory/featured", collection | {"orderedItems": items})
    account = await known(server, mallory)
    assert await read_some_featured(server.ctx) == 0
    await server.ctx.db.execute(FOLLOW, server.alice.id, account.id)
    assert await read_some_featured(server.ctx) == 2
    assert await server.ctx.db.values(PINNED) == [
        f"{peer.base_url}/notes/1",
        f"{peer.base_url}/notes/2",
    ]
    told = Value(f"SELECT content FROM statuses WHERE uri = '{peer.base_url}/notes/2'", str)
    assert await server.ctx.db.value(told) == "<p>Note 2</p>"
    assert await read_some_featured(server.ctx) == 0
    assert peer.times_asked("/users/mallory/featured") == 1


async def test_a_collection_in_pages_and_one_without_end(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    for number in range(1, 40):
        peer.serve(f"/notes/{number}", mallory.note(number))
    uri = f"{mallory.uri}/featured"
    first = {"id": f"{uri}?page=1", "type": "OrderedCollectionPage", "partOf": uri}
    first["orderedItems"] = [f"{peer.base_url}/notes/{number}" for number in range(1, 40)]
    peer.serve("/users/mallory/featured", {"id": uri, "type": "Collection", "first": first["id"]})
    peer.serve("/users/mallory/featured?page=1", first)
    await server.ctx.db.execute(FOLLOW, server.alice.id, (await known(server, mallory)).id)
    assert await read_some_featured(server.ctx) == 20
    asked = [request for request in peer.asked if request.path.startswith("/notes/")]
    assert len(asked) == 20

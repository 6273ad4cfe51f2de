"""Our people who move away, and the aliases by which others move here."""

import orjson
import pytest

from fedserver.effects import Follow, moving, perform
from fedserver.errors import Invalid, NotFound
from fedserver.services import users
from storage.accounts import ACCOUNT_BY_ID, ACCOUNT_BY_URI, AccountRow
from storage.relations import FOLLOW_BETWEEN
from tests.federation.conftest import PASSWORD, Server, deliver
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import take


@pytest.fixture
def away(peer: FakePeer, server: Server) -> PeerActor:
    """Alice's new account, which says that it was Alice."""
    actor = peer.actor("away")
    peer.serve("/users/away", actor.document(alsoKnownAs=[server.alice.uri]))
    return actor


async def followed(server: Server, peer: FakePeer) -> PeerActor:
    """Let somebody elsewhere follow Alice."""
    fan = peer.actor("fan")
    follow = fan.activity("Follow", 1, object=server.alice.uri)
    assert (await take(server, peer, fan, follow)).outcome == "done"
    await deliver(server)
    peer.received.clear()
    return fan


async def actor_document(server: Server, peer: FakePeer) -> Json:
    answer = await peer.get(server.alice.uri)
    document: Json = orjson.loads(answer.text)
    return document


async def alice_now(server: Server) -> AccountRow:
    row = await server.ctx.db.one(ACCOUNT_BY_URI, server.alice.uri)
    assert row is not None
    return row


async def test_the_followers_are_told(server: Server, peer: FakePeer, away: PeerActor) -> None:
    await followed(server, peer)
    target = await moving.move_out(server.ctx, "alice", f"away@{peer.host}")
    assert target.uri == away.uri
    await deliver(server)
    update, move = (one.document for one in peer.received)
    assert (update["type"], update["object"]["movedTo"]) == ("Update", away.uri)
    assert move["type"] == "Move"
    assert (move["actor"], move["object"], move["target"]) == (
        server.alice.uri,
        server.alice.uri,
        away.uri,
    )
    assert move["to"] == [f"{server.alice.uri}/followers"]
    assert (await actor_document(server, peer))["movedTo"] == away.uri


async def test_our_own_followers_go_along(server: Server, peer: FakePeer, away: PeerActor) -> None:
    ctx = server.ctx
    bob = await ctx.db.one(
        ACCOUNT_BY_ID, await users.create_user(ctx, "bob", "bob@mail.example", PASSWORD)
    )
    assert bob is not None
    uri = f"{server.base_url}/activities/{ctx.ids.new()}"
    await perform(ctx, Follow(actor=bob, uri=uri, target=server.alice, notify=True))
    target = await moving.move_out(ctx, "alice", away.uri)
    assert await ctx.db.one(FOLLOW_BETWEEN, bob.id, server.alice.id) is None
    asked = await ctx.db.one(FOLLOW_BETWEEN, bob.id, target.id)
    assert asked is not None
    assert asked.notify
    assert (await alice_now(server)).followers_count == 0
    await deliver(server)
    assert [one.document["type"] for one in peer.received] == ["Follow"]


async def test_a_target_that_does_not_name_us_is_refused_with_advice(
    server: Server, peer: FakePeer
) -> None:
    peer.actor("stranger")
    with pytest.raises(Invalid, match="add that alias"):
        await moving.move_out(server.ctx, "alice", f"@stranger@{peer.host}")
    assert (await alice_now(server)).moved_to_id is None
    assert "movedTo" not in await actor_document(server, peer)


@pytest.mark.parametrize(
    ("named", "error"),
    [("nonsense", Invalid), ("nobody@{host}", NotFound), ("{base}/users/nobody", NotFound)],
)
async def test_a_target_that_is_not_there(
    server: Server, peer: FakePeer, named: str, error: type[Exception]
) -> None:
    place = named.format(host=peer.host, base=peer.base_url)
    with pytest.raises(error):
        await moving.move_out(server.ctx, "alice", place)
    assert (await alice_now(server)).moved_to_id is None


async def test_nobody_moves_twice_at_once(server: Server, peer: FakePeer, away: PeerActor) -> None:
    await moving.move_out(server.ctx, "alice", away.uri)
    with pytest.raises(Invalid, match="already"):
        await moving.move_out(server.ctx, "alice", away.uri)
    further = peer.actor("further")
    peer.serve("/users/further", further.document(alsoKnownAs=[server.alice.uri]))
    with pytest.raises(Invalid, match="30 days"):
        await moving.move_out(server.ctx, "alice", further.uri)


async def test_the_redirection_ends(server: Server, peer: FakePeer, away: PeerActor) -> None:
    await moving.move_out(server.ctx, "alice", away.uri)
    await moving.stay(server.ctx, "alice")
    assert "movedTo" not in await actor_document(server, peer)
    with pytest.raises(Invalid, match="has not moved"):
        await moving.stay(server.ctx, "alice")


async def test_who_has_moved_takes_no_followers(
    server: Server, peer: FakePeer, away: PeerActor
) -> None:
    await moving.move_out(server.ctx, "alice", away.uri)
    late = peer.actor("late")
    follow = late.activity("Follow", 5, object=server.alice.uri)
    await take(server, peer, late, follow)
    await deliver(server)
    [answer] = [one.document for one in peer.received if one.path == "/users/late/inbox"]
    assert (answer["type"], answer["object"]["id"]) == ("Reject", follow["id"])
    assert (await alice_now(server)).followers_count == 0


async def test_aliases_are_in_the_actor_and_are_told(server: Server, peer: FakePeer) -> None:
    await followed(server, peer)
    before = peer.actor("before")
    named = await moving.add_alias(server.ctx, "alice", f"@before@{peer.host}")
    assert named == before.uri
    await moving.add_alias(server.ctx, "alice", before.uri)
    assert await moving.aliases(server.ctx, "alice") == [before.uri]
    assert (await actor_document(server, peer))["alsoKnownAs"] == [before.uri]
    await deliver(server)
    [update] = [one.document for one in peer.received]
    assert update["type"] == "Update"
    assert update["object"]["alsoKnownAs"] == [before.uri]
    # The server of an alias may be gone for ever.
    peer.documents.clear()
    assert await moving.remove_alias(server.ctx, "alice", f"before@{peer.host}") == before.uri
    assert "alsoKnownAs" not in await actor_document(server, peer)
    with pytest.raises(NotFound):
        await moving.remove_alias(server.ctx, "alice", before.uri)


async def test_an_alias_lets_the_old_account_move_here(server: Server, peer: FakePeer) -> None:
    """The whole way: alias here, then a Move there, in which somebody of ours goes along."""
    before = peer.actor("before")
    await moving.add_alias(server.ctx, "alice", before.uri)
    move = before.activity("Move", 7, object=before.uri, target=server.alice.uri)
    item = await take(server, peer, before, move)
    assert (item.outcome, item.reason) == ("done", None)


async def test_aliases_have_a_limit(
    server: Server, peer: FakePeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MAX_ALIASES", 1)
    await moving.add_alias(server.ctx, "alice", peer.actor("one").uri)
    with pytest.raises(Invalid, match="at most 1"):
        await moving.add_alias(server.ctx, "alice", peer.actor("two").uri)
    with pytest.raises(Invalid, match="itself"):
        await moving.add_alias(server.ctx, "alice", server.alice.uri)

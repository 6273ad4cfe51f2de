"""What made pairs of other servers fail each other: each of these shapes, sent or received."""

import orjson
import pytest

from activitypub.signatures.cavage import parse_parameters
from fedserver.effects import Announce, Undo, perform
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.query import Command, Value
from storage.relations import FOLLOW_BETWEEN
from storage.statuses import STATUS_BY_URI, StatusRow
from tests.federation.conftest import Server, deliver, send
from tests.federation.fake_peer import PUBLIC, FakePeer, PeerActor
from tests.federation.processing import mentioning, take

VISIBILITY = Value("SELECT visibility FROM statuses WHERE uri = $1", str)
SHOWN_TO = Value("SELECT m.account_id FROM mentions m JOIN statuses s ON s.id = m.status_id", int)
FOLLOWERS = Value("SELECT count(*) FROM follows WHERE target_id = $1", int)
ASK = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, created_at)
    VALUES ($1, $2, $3, $4, now())
    """
)
COPIES = Value("SELECT convert_from(document, 'UTF8') FROM outbox_activities", str)


@pytest.fixture
def fan(peer: FakePeer) -> PeerActor:
    return peer.actor("fan")


async def row_of(server: Server, uri: str) -> AccountRow:
    row = await server.ctx.db.one(ACCOUNT_BY_URI, uri)
    assert row is not None
    return row


async def be_followed(server: Server, peer: FakePeer, fan: PeerActor) -> None:
    follow = fan.activity("Follow", 1, object=server.alice.uri)
    assert (await take(server, peer, fan, follow)).outcome == "done"


async def test_the_key_id_is_the_actor_and_a_fragment(
    server: Server, peer: FakePeer, inbox: str
) -> None:
    """snac takes what stands before `#` for the author."""
    await send(server, inbox)
    await deliver(server)
    key_id = parse_parameters(peer.received[0].headers["signature"]).key_id
    assert key_id == f"{server.alice.uri}#main-key"


async def test_a_key_may_have_a_document_of_its_own(server: Server, peer: FakePeer) -> None:
    """GoToSocial: the id of a key is a path, and leads to a stub that names its owner."""
    gus = peer.actor("gus")
    key_id = f"{gus.uri}/main-key"
    document = gus.document()
    document["publicKey"]["id"] = key_id
    peer.serve("/users/gus", document)
    peer.serve("/users/gus/main-key", {**document, "inbox": None, "id": gus.uri})
    follow = gus.activity("Follow", 1, object=server.alice.uri)
    answer = await peer.post(server.shared_inbox, follow, actor=gus, key_id=key_id)
    assert answer.status == 202, answer


async def test_public_is_written_in_full(server: Server, peer: FakePeer, fan: PeerActor) -> None:
    """snac knows no other spelling."""
    await be_followed(server, peer, fan)
    for copy in await server.ctx.db.values(COPIES):
        assert "as:Public" not in copy
        assert '"Public"' not in copy


@pytest.mark.parametrize("public", [PUBLIC, "as:Public", "Public"])
@pytest.mark.parametrize("in_a_list", [True, False])
async def test_public_is_understood_in_every_spelling(
    server: Server, peer: FakePeer, fan: PeerActor, public: str, in_a_list: bool
) -> None:
    """Takahē writes `as:Public`, GoToSocial one value where others have a list."""
    note = fan.note(1, to=[public] if in_a_list else public)
    create = mentioning(fan, server.alice.uri, 1, **{"to": note["to"]})
    assert (await take(server, peer, fan, create)).outcome == "done"
    assert await server.ctx.db.value(VISIBILITY, note["id"]) == "public"


async def test_a_direct_post_with_its_recipient_in_cc(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    """Takahē: `to` is empty."""
    create = mentioning(fan, server.alice.uri, 1, to=[])
    create["to"] = []
    assert (await take(server, peer, fan, create)).outcome == "done"
    assert await server.ctx.db.value(VISIBILITY, create["object"]["id"]) == "direct"
    assert await server.ctx.db.values(SHOWN_TO) == [server.alice.id]


async def test_an_accept_holds_strings(server: Server, peer: FakePeer, fan: PeerActor) -> None:
    """Takahē finds a Follow by its actor and object as strings, others by its id."""
    await be_followed(server, peer, fan)
    await deliver(server)
    [accept] = [one.document for one in peer.received]
    assert accept["type"] == "Accept"
    assert accept["object"] == {
        "id": f"{peer.base_url}/activities/1",
        "type": "Follow",
        "actor": fan.uri,
        "object": server.alice.uri,
        "to": [server.alice.uri],
        "cc": [],
    }


@pytest.mark.parametrize("known_id", [True, False])
async def test_an_accept_with_whole_actors_in_it(
    server: Server, peer: FakePeer, fan: PeerActor, known_id: bool
) -> None:
    """Hollo embeds the Follow, and in it the actor."""
    await be_followed(server, peer, fan)
    target = await row_of(server, fan.uri)
    ours = f"{server.base_url}/activities/77"
    await server.ctx.db.execute(ASK, 77, server.alice.id, target.id, ours)
    alice = orjson.loads((await peer.get(server.alice.uri)).text)
    follow = {
        "id": ours if known_id else f"{peer.base_url}/follows/1",
        "type": "Follow",
        "actor": alice,
        "object": fan.document(),
    }
    accept = fan.activity("Accept", 2, object=follow)
    assert (await take(server, peer, fan, accept)).outcome == "done"
    accepted = await server.ctx.db.one(FOLLOW_BETWEEN, server.alice.id, target.id)
    assert accepted is not None
    assert accepted.accepted_at is not None


async def boost(server: Server, status: StatusRow) -> Announce:
    ctx, alice = server.ctx, server.alice
    author = await ctx.db.one(ACCOUNT_BY_URI, f"{status.uri.split('/notes/')[0]}/users/fan")
    assert author is not None
    number = ctx.ids.new()
    return Announce(
        actor=alice,
        uri=Uris(server.base_url).status_activity("alice", number),
        id=number,
        status=status,
        author=author,
        visibility="public",
        created_at=ctx.clock.now(),
    )


async def test_the_boosted_author_hears_of_it_and_of_its_end(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    """Hollo tells its followers only; Takahē does not tell the author when it is taken back."""
    create = mentioning(fan, server.alice.uri, 1)
    await take(server, peer, fan, create)
    status = await server.ctx.db.one(STATUS_BY_URI, create["object"]["id"])
    assert status is not None
    act = await boost(server, status)
    await perform(server.ctx, act)
    undo_uri = Uris(server.base_url).activity(server.ctx.ids.new())
    await perform(server.ctx, Undo(actor=server.alice, uri=undo_uri, undone=act))
    await deliver(server)
    announce, undo = (one.document for one in peer.received)
    assert (announce["type"], undo["type"]) == ("Announce", "Undo")
    assert fan.uri in announce["cc"]
    assert fan.uri in undo["cc"]
    assert undo["object"]["id"] == announce["id"]


async def test_an_undo_may_name_an_older_follow(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    """snac: the Follow was sent twice, and the first one is undone."""
    first = fan.activity("Follow", 1, object=server.alice.uri)
    await take(server, peer, fan, first)
    await take(server, peer, fan, fan.activity("Follow", 2, object=server.alice.uri))
    undo = fan.activity("Undo", 3, object=first)
    assert (await take(server, peer, fan, undo)).outcome == "done"
    assert await server.ctx.db.value(FOLLOWERS, server.alice.id) == 0


async def test_a_reply_stays_when_what_it_answers_is_deleted(
    server: Server, peer: FakePeer, fan: PeerActor
) -> None:
    """GoToSocial drops such orphans from timelines."""
    await take(server, peer, fan, mentioning(fan, server.alice.uri, 1))
    parent = f"{peer.base_url}/notes/1"
    reply = mentioning(fan, server.alice.uri, 2, inReplyTo=parent)
    await take(server, peer, fan, reply)
    await take(server, peer, fan, fan.activity("Delete", 3, object=parent))
    left = await server.ctx.db.one(STATUS_BY_URI, f"{peer.base_url}/notes/2")
    assert left is not None
    assert left.in_reply_to_id is None

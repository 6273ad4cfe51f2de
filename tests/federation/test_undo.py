"""Undo of everything, however its object is written; and what a Block of a peer ends."""

import pytest

from storage.query import Command, Value
from tests.federation.conftest import Server
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import take

IN_FORCE = Value(
    """
    SELECT 'Follow' FROM follows WHERE accepted_at IS NOT NULL
    UNION ALL SELECT 'Block' FROM blocks
    UNION ALL SELECT 'Like' FROM favourites WHERE liked
    UNION ALL SELECT 'EmojiReact' FROM emoji_reactions
    UNION ALL SELECT 'Announce' FROM statuses WHERE reblog_of_id IS NOT NULL
    """,
    str,
)
COUNTS = Value(
    """
    SELECT sum(favourites_count + reblogs_count)::bigint
        + (SELECT sum(followers_count + following_count) FROM accounts)::bigint FROM statuses
    """,
    int,
)
NOTIFICATIONS = Value("SELECT type FROM notifications ORDER BY id", str)
POST = Command(
    """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, content,
        created_at)
    VALUES ($1, $2, $2, $3, true, 'public', $1, '<p>Hello</p>', now())
    """
)
KINDS = ("Follow", "Block", "Like", "EmojiReact", "Announce")


def by_id(done: Json) -> Json | str:
    identifier: str = done["id"]
    return identifier


def by_id_in_an_object(done: Json) -> Json | str:
    return {"id": done["id"]}


def without_its_object(done: Json) -> Json | str:
    return {name: done[name] for name in ("id", "type", "actor")}


def without_its_actor(done: Json) -> Json | str:
    return {name: done[name] for name in ("id", "type", "object")}


def whole(done: Json) -> Json | str:
    return done


def under_another_id(done: Json) -> Json | str:
    return done | {"id": f"{done['id']}-rewritten"}


def without_id(done: Json) -> Json | str:
    return {name: value for name, value in done.items() if name != "id"}


def with_its_object_embedded(done: Json) -> Json | str:
    kind = "Person" if done["type"] in ("Follow", "Block") else "Note"
    return done | {"id": f"{done['id']}-rewritten", "object": {"id": done["object"], "type": kind}}


FORMS = (
    by_id,
    by_id_in_an_object,
    without_its_object,
    without_its_actor,
    whole,
    under_another_id,
    without_id,
    with_its_object_embedded,
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def done_by(server: Server, actor: PeerActor, kind: str, number: int) -> Json:
    """Give an activity about Alice, or about something that she posted."""
    uri = f"{server.alice.uri}/statuses/{number}"
    await server.ctx.db.execute(POST, number, uri, server.alice.id)
    more = {"content": "🔥"} if kind == "EmojiReact" else {}
    about = server.alice.uri if kind in ("Follow", "Block") else uri
    return actor.activity(kind, number, object=about, to=[PUBLIC], **more)


@pytest.mark.parametrize("kind", KINDS)
async def test_undo(server: Server, peer: FakePeer, mallory: PeerActor, kind: str) -> None:
    for number, form in enumerate(FORMS, 1):
        done = await done_by(server, mallory, kind, number)
        assert (await take(server, peer, mallory, done)).outcome == "done"
        assert await server.ctx.db.values(IN_FORCE) == [kind]
        undo = mallory.activity("Undo", number + 100, object=form(done))
        item = await take(server, peer, mallory, undo)
        assert (form, item.outcome, item.reason) == (form, "done", None)
        assert await server.ctx.db.values(IN_FORCE) == []
        assert await server.ctx.db.value(COUNTS) == 0
        assert "favourite" not in await server.ctx.db.values(NOTIFICATIONS)


@pytest.mark.parametrize("kind", KINDS)
async def test_nobody_undoes_what_a_neighbour_did(
    server: Server, peer: FakePeer, mallory: PeerActor, kind: str
) -> None:
    victor = peer.actor("victor")
    done = await done_by(server, victor, kind, 1)
    assert (await take(server, peer, victor, done)).outcome == "done"
    forms = (by_id, under_another_id, without_its_object, without_its_actor)
    for number, form in enumerate(forms, 2):
        undone = form(done | {"actor": mallory.uri})
        item = await take(server, peer, mallory, mallory.activity("Undo", number, object=undone))
        assert item.outcome in ("ignored", "duplicate"), form
    assert await server.ctx.db.values(IN_FORCE) == [kind]


async def test_a_block_ends_follows_and_what_comes_from_the_blocked(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    follow = await done_by(server, mallory, "Follow", 1)
    await take(server, peer, mallory, follow)
    block = mallory.activity("Block", 2, object=server.alice.uri)
    assert (await take(server, peer, mallory, block)).outcome == "done"
    again = mallory.activity("Block", 3, object=server.alice.uri)
    assert (await take(server, peer, mallory, again)).outcome == "duplicate"
    assert await server.ctx.db.values(IN_FORCE) == ["Block"]
    assert await server.ctx.db.values(NOTIFICATIONS) == []
    of_others = mallory.activity("Block", 4, object=f"{peer.base_url}/users/victor")
    assert (await take(server, peer, mallory, of_others)).outcome == "ignored"

"""Reactions with emoji: as peers send them, at the database, and as clients see them."""

import orjson
import pytest

from activitypub.parse import parse_activity
from fedserver import entities
from fedserver.effects.react import emoji_of
from storage.query import Command, Value
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take

REACTIONS = Value("SELECT name || ' ' || image_url FROM emoji_reactions ORDER BY id", str)
FAVOURITES = Value("SELECT liked::text || ' ' || uri FROM favourites ORDER BY id", str)
COUNT = Value("SELECT favourites_count FROM statuses WHERE uri = $1", int)
STATUS_ID = Value("SELECT id FROM statuses WHERE uri = $1", int)
POST = Command(
    """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, content,
        created_at)
    VALUES ($1, $2, $2, $3, true, 'public', $1, '<p>Hello</p>', now())
    """
)
NOTIFICATIONS = Value("SELECT type FROM notifications ORDER BY id", str)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


@pytest.fixture
async def note(server: Server, peer: FakePeer, mallory: PeerActor) -> str:
    """Give the URI of a known status that nobody has reacted to."""
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    return f"{peer.base_url}/notes/1"


def blobcat(peer: FakePeer) -> list[Json]:
    icon = {"type": "Image", "url": f"{peer.base_url}/blobcat.png"}
    return [{"type": "Emoji", "name": ":blobcat:", "icon": icon}]


async def shown(server: Server, note: str) -> list[Json]:
    """Give the reactions that a client sees."""
    status_id = await server.ctx.db.value(STATUS_ID, note)
    assert status_id is not None
    status = orjson.loads(orjson.dumps(await entities.status(server.ctx, status_id, None)))
    reactions: list[Json] = status["emoji_reactions"]
    return reactions


async def outcome(
    server: Server, peer: FakePeer, actor: PeerActor, kind: str, number: int, **more: object
) -> str | None:
    return (await take(server, peer, actor, actor.activity(kind, number, **more))).outcome


async def test_each_emoji_counts_once_and_all_are_one_favourite(
    server: Server, peer: FakePeer, mallory: PeerActor, note: str
) -> None:
    for number, kind, content in ((2, "EmojiReact", "🔥"), (3, "Like", "❤️")):
        more = {"object": note, "content": content}
        assert await outcome(server, peer, mallory, kind, number, **more) == "done"
        again = await outcome(server, peer, mallory, kind, number + 10, **more)
        assert again == "duplicate"
    custom = {"object": note, "_misskey_reaction": ":blobcat:", "tag": blobcat(peer)}
    assert await outcome(server, peer, mallory, "Like", 4, **custom) == "done"
    assert await server.ctx.db.value(COUNT, note) == 1
    assert await shown(server, note) == [
        {"name": "🔥", "count": 1, "me": False},
        {"name": "❤️", "count": 1, "me": False},
        {
            "name": "blobcat",
            "count": 1,
            "me": False,
            "url": server.ctx.uris.remote_media(f"{peer.base_url}/blobcat.png"),
            "static_url": server.ctx.uris.remote_media(f"{peer.base_url}/blobcat.png"),
        },
    ]


async def test_the_author_here_is_told_of_a_favourite(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victor = peer.actor("victor")
    own = await own_note(server)
    assert await outcome(server, peer, mallory, "EmojiReact", 2, object=own, content="🎉") == "done"
    assert await outcome(server, peer, victor, "Like", 3, object=own, content="🎉") == "done"
    assert await server.ctx.db.values(NOTIFICATIONS) == ["favourite", "favourite"]
    assert await shown(server, own) == [{"name": "🎉", "count": 2, "me": False}]
    undo = {"object": f"{peer.base_url}/activities/2"}
    assert await outcome(server, peer, mallory, "Undo", 4, **undo) == "done"
    assert await server.ctx.db.values(NOTIFICATIONS) == ["favourite"]
    assert await server.ctx.db.value(COUNT, own) == 1


async def own_note(server: Server) -> str:
    """Let Alice post something, and give its URI."""
    number = server.ctx.ids.new()
    uri = f"{server.alice.uri}/statuses/{number}"
    await server.ctx.db.execute(POST, number, uri, server.alice.id)
    return uri


async def test_a_reaction_is_taken_back_by_id_or_by_its_emoji(
    server: Server, peer: FakePeer, mallory: PeerActor, note: str
) -> None:
    db = server.ctx.db
    by_emoji = mallory.activity("Like", 2, object=note, content="🔥")
    by_id = mallory.activity("EmojiReact", 3, object=note, content="👍")
    for reaction in (by_emoji, by_id):
        assert (await take(server, peer, mallory, reaction)).outcome == "done"
    rewritten = by_emoji | {"id": f"{peer.base_url}/activities/made-up"}
    assert await outcome(server, peer, mallory, "Undo", 4, object=rewritten) == "done"
    assert await db.values(REACTIONS) == ["👍 "]
    assert await db.value(COUNT, note) == 1
    # The embedded copy may have lost its emoji: the id leads to it.
    without = {name: by_id[name] for name in ("id", "type", "actor", "object")}
    assert await outcome(server, peer, mallory, "Undo", 5, object=without) == "done"
    assert await db.values(REACTIONS) == []
    assert await db.values(FAVOURITES) == []
    assert await db.value(COUNT, note) == 0


async def test_a_like_and_reactions_end_each_by_itself(
    server: Server, peer: FakePeer, mallory: PeerActor, note: str
) -> None:
    db = server.ctx.db
    like, react = f"{peer.base_url}/activities/3", f"{peer.base_url}/activities/2"
    await outcome(server, peer, mallory, "EmojiReact", 2, object=note, content="🔥")
    assert await outcome(server, peer, mallory, "Like", 3, object=note) == "done"
    assert await db.values(FAVOURITES) == [f"true {like}"]
    assert await outcome(server, peer, mallory, "Undo", 4, object=like) == "done"
    assert await db.values(FAVOURITES) == [f"false {react}"]
    await outcome(server, peer, mallory, "Like", 5, object=note)
    assert await outcome(server, peer, mallory, "Undo", 6, object=react) == "done"
    assert await db.values(FAVOURITES) == [f"true {peer.base_url}/activities/5"]
    assert await db.value(COUNT, note) == 1


async def test_nobody_takes_back_what_another_felt(
    server: Server, peer: FakePeer, mallory: PeerActor, note: str
) -> None:
    victor = peer.actor("victor")
    theirs = victor.activity("EmojiReact", 2, object=note, content="🔥")
    await take(server, peer, victor, theirs)
    by_id = await outcome(server, peer, mallory, "Undo", 3, object=theirs["id"])
    own_name = theirs | {"actor": mallory.uri}
    by_copy = await outcome(server, peer, mallory, "Undo", 4, object=own_name)
    by_emoji = await outcome(
        server, peer, mallory, "Undo", 5, object=own_name | {"id": f"{peer.base_url}/x"}
    )
    assert (by_id, by_copy, by_emoji) == ("ignored", "ignored", "duplicate")
    assert await server.ctx.db.values(REACTIONS) == ["🔥 "]


async def test_what_is_no_emoji_is_no_reaction(
    server: Server, peer: FakePeer, mallory: PeerActor, note: str
) -> None:
    for number, content in enumerate(("hello", "<b>", "", ":blobcat:", "7", "🔥" * 40), 2):
        ended = await outcome(
            server, peer, mallory, "EmojiReact", number, object=note, content=content
        )
        assert ended == "ignored", content
    assert await server.ctx.db.value(COUNT, note) == 0
    assert await outcome(server, peer, mallory, "Like", 20, object=note, content="hello") == "done"
    assert await server.ctx.db.values(REACTIONS) == []
    assert await server.ctx.db.value(COUNT, note) == 1


async def test_who_leaves_takes_favourites_and_reactions_along(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    db, own, victor = server.ctx.db, await own_note(server), peer.actor("victor")
    await outcome(server, peer, victor, "Like", 1, object=own)
    await outcome(server, peer, mallory, "EmojiReact", 2, object=own, content="🔥")
    await outcome(server, peer, mallory, "Like", 3, object=own)
    assert await db.value(COUNT, own) == 2
    assert await outcome(server, peer, mallory, "Delete", 4, object=mallory.uri) == "done"
    assert await db.value(COUNT, own) == 1
    assert await db.values(FAVOURITES) == [f"true {peer.base_url}/activities/1"]
    assert await shown(server, own) == []


async def test_reactions_of_one_account_have_an_end(
    server: Server, peer: FakePeer, mallory: PeerActor, note: str
) -> None:
    ends = [
        await outcome(
            server, peer, mallory, "EmojiReact", number, object=note, content=chr(0x1F400 + number)
        )
        for number in range(2, 24)
    ]
    assert ends == ["done"] * 20 + ["duplicate"] * 2


@pytest.mark.parametrize("content", ["👍🏽", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪", "7️⃣", "‼️", "☺", "↔️", "♾️"])
def test_emoji_of_every_kind_are_known(content: str) -> None:
    activity = parse_activity({"type": "EmojiReact", "content": content})
    found = emoji_of(activity)
    assert found is not None
    assert found.name == content

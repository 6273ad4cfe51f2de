"""What a peer's activities do: out of order, repeated, or about what is not theirs."""

import asyncio
from typing import Any

import pytest

from fedserver.workers.inbox_worker import process_item
from storage.inbox import InboxRow
from storage.query import Command, Query, Value
from tests.federation.conftest import Server
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor

UNSETTLED = Query(
    """
    SELECT id, activity_uri, actor_uri, type, body, received_at, attempts
    FROM inbox_items WHERE outcome IS NULL ORDER BY id
    """,
    InboxRow,
)
OUTCOME = Value("SELECT outcome FROM inbox_items WHERE activity_uri = $1", str)
STATUSES = Value("SELECT uri FROM statuses WHERE reblog_of_id IS NULL ORDER BY uri", str)
CONTENT = Value("SELECT content FROM statuses WHERE uri = $1", str)
COUNTS = Value("SELECT favourites_count + reblogs_count FROM statuses WHERE uri = $1", int)
FOLLOWERS = Value("SELECT followers_count FROM accounts WHERE uri = $1", int)
FOLLOWS = Value("SELECT count(*) FROM follows WHERE accepted_at IS NOT NULL", int)
NOTIFICATIONS = Value("SELECT type FROM notifications ORDER BY id", str)
PARENT = Value(
    "SELECT p.uri FROM statuses s JOIN statuses p ON p.id = s.in_reply_to_id WHERE s.uri = $1", str
)
ANCESTORS = Value("SELECT count(*) FROM statuses", int)
DELETED = Value("SELECT deleted_at IS NOT NULL FROM accounts WHERE uri = $1", bool)
ASK_TO_FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, created_at)
    SELECT 1, $1, a.id, $2, now() FROM accounts a WHERE a.uri = $3
    """
)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


@pytest.fixture
def victor(peer: FakePeer) -> PeerActor:
    return peer.actor("victor")


async def take(server: Server, peer: FakePeer, actor: PeerActor, activity: Json) -> str | None:
    """Send an activity, process it, and give its outcome."""
    answer = await peer.post(server.shared_inbox, activity, actor=actor)
    assert answer.status == 202, answer
    for row in await server.ctx.db.fetch(UNSETTLED):
        await process_item(server.ctx, row, await _place())
    return await server.ctx.db.value(OUTCOME, activity["id"])


async def _place() -> asyncio.Semaphore:
    places = asyncio.Semaphore(1)
    await places.acquire()
    return places


def to_alice(server: Server, actor: PeerActor, number: int, **more: Any) -> Json:
    """Give the Create of a Note that names Alice."""
    alice = server.alice.uri
    tag = [{"type": "Mention", "href": alice, "name": "@alice"}]
    note = actor.note(number, tag=tag, cc=[alice]) | more
    return actor.create(number, object=note, cc=[alice])


async def test_a_stranger_may_mention_but_not_broadcast(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    assert await take(server, peer, mallory, mallory.create(1)) == "ignored"
    assert await take(server, peer, mallory, to_alice(server, mallory, 2)) == "done"
    assert await server.ctx.db.values(STATUSES) == [f"{peer.base_url}/notes/2"]
    assert await server.ctx.db.values(NOTIFICATIONS) == ["mention"]


async def test_markup_of_strangers_is_cleaned(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    content = '<p onclick="x()">Hi<script>alert(1)</script> <a href="javascript:x()">y</a></p>'
    await take(server, peer, mallory, to_alice(server, mallory, 1, content=content))
    shown = await server.ctx.db.value(CONTENT, f"{peer.base_url}/notes/1") or ""
    assert "Hi" in shown
    for forbidden in ("script", "onclick", "javascript", "alert"):
        assert forbidden not in shown


async def test_what_was_deleted_first_never_appears(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    create = to_alice(server, mallory, 1)
    await take(server, peer, mallory, create)
    note = create["object"]["id"]
    deletion = mallory.activity("Delete", 2, object={"id": note, "type": "Tombstone"})
    assert await take(server, peer, mallory, deletion) == "done"
    again = create | {"id": f"{peer.base_url}/activities/3"}
    assert await take(server, peer, mallory, again) == "ignored"
    early = mallory.activity("Delete", 4, object=f"{peer.base_url}/notes/5")
    assert await take(server, peer, mallory, early) == "ignored"
    assert await take(server, peer, mallory, to_alice(server, mallory, 5)) == "ignored"
    assert await server.ctx.db.values(STATUSES) == []


async def test_a_follow_and_its_end_in_either_order(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    follow = mallory.activity("Follow", 1, object=server.alice.uri)
    assert await take(server, peer, mallory, follow) == "done"
    assert await server.ctx.db.value(FOLLOWERS, server.alice.uri) == 1
    undo = mallory.activity("Undo", 2, object=follow["id"])
    assert await take(server, peer, mallory, undo) == "done"
    assert await server.ctx.db.value(FOLLOWERS, server.alice.uri) == 0
    late = mallory.activity("Follow", 4, object=server.alice.uri)
    early = mallory.activity("Undo", 3, object=late["id"])
    assert await take(server, peer, mallory, early) == "ignored"
    assert await take(server, peer, mallory, late) == "ignored"
    assert await server.ctx.db.value(FOLLOWERS, server.alice.uri) == 0


async def test_nobody_ends_what_others_began(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    follow = victor.activity("Follow", 1, object=server.alice.uri)
    await take(server, peer, victor, follow)
    by_id = mallory.activity("Undo", 2, object=follow["id"])
    assert await take(server, peer, mallory, by_id) == "ignored"
    embedded = mallory.activity("Undo", 3, object=follow)
    answer = await peer.post(server.shared_inbox, embedded, actor=mallory)
    assert answer.status == 403
    assert await server.ctx.db.value(FOLLOWERS, server.alice.uri) == 1


async def test_nobody_changes_what_others_wrote(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    await take(server, peer, victor, to_alice(server, victor, 1))
    uri = f"{peer.base_url}/notes/1"
    forged = mallory.note(1, content="<p>Forged</p>")
    await take(server, peer, mallory, mallory.activity("Update", 2, object=forged))
    await take(server, peer, mallory, mallory.activity("Delete", 3, object=uri))
    assert await server.ctx.db.value(CONTENT, uri) == "<p>Note 1</p>"


async def test_only_the_target_accepts_a_follow(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    await take(server, peer, victor, to_alice(server, victor, 1))
    follow = f"{server.base_url}/activities/7"
    await server.ctx.db.execute(ASK_TO_FOLLOW, server.alice.id, follow, victor.uri)
    assert await take(server, peer, mallory, mallory.activity("Accept", 2, object=follow)) in (
        "ignored",
        "refused",
    )
    assert await server.ctx.db.value(FOLLOWS) == 0
    rewritten = {
        "id": f"{peer.base_url}/follows/made-up",
        "type": "Follow",
        "actor": server.alice.uri,
        "object": victor.uri,
    }
    accept = victor.activity("Accept", 3, object=rewritten)
    assert await take(server, peer, victor, accept) == "done"
    assert await server.ctx.db.value(FOLLOWS) == 1


async def test_a_reply_that_came_first_finds_its_parent(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    parent = f"{peer.base_url}/notes/1"
    await take(server, peer, mallory, to_alice(server, mallory, 2, inReplyTo=parent))
    assert await server.ctx.db.value(PARENT, f"{peer.base_url}/notes/2") is None
    await take(server, peer, mallory, to_alice(server, mallory, 1))
    assert await server.ctx.db.value(PARENT, f"{peer.base_url}/notes/2") == parent


async def test_a_thread_is_fetched_up_to_its_beginning(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    for number in range(1, 11):
        answered = f"{peer.base_url}/notes/{number - 1}" if number > 1 else None
        peer.serve(f"/notes/{number}", mallory.note(number, inReplyTo=answered))
    last = to_alice(server, mallory, 11, inReplyTo=f"{peer.base_url}/notes/10")
    assert await take(server, peer, mallory, last) == "done"
    assert await server.ctx.db.value(ANCESTORS) == 11


async def test_an_endless_thread_ends_with_the_budget(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    for number in range(1, 100):
        peer.serve(
            f"/notes/{number}",
            mallory.note(number, inReplyTo=f"{peer.base_url}/notes/{number + 1}"),
        )
    first = to_alice(server, mallory, 1_000, inReplyTo=f"{peer.base_url}/notes/1")
    assert await take(server, peer, mallory, first) == "done"
    asked = [request for request in peer.asked if request.path.startswith("/notes/")]
    assert len(asked) <= server.ctx.config.federation.fetch_budget


async def test_a_boost_brings_what_it_shows_from_its_origin(
    server: Server, peer: FakePeer, mallory: PeerActor, victor: PeerActor
) -> None:
    await take(server, peer, mallory, to_alice(server, mallory, 1))
    account = f"SELECT id FROM accounts WHERE uri = '{mallory.uri}'"
    follow = Command(
        f"""
        INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
        VALUES (2, $1, ({account}), 'x', now(), now())
        """
    )
    await server.ctx.db.execute(follow, server.alice.id)
    peer.serve("/notes/50", victor.note(50))
    embedded = victor.note(50, content="<p>Not what Victor wrote</p>")
    boost = mallory.activity("Announce", 2, object=embedded, to=[PUBLIC])
    assert await take(server, peer, mallory, boost) == "done"
    uri = f"{peer.base_url}/notes/50"
    assert await server.ctx.db.value(CONTENT, uri) == "<p>Note 50</p>"
    assert await server.ctx.db.value(COUNTS, uri) == 1
    undo = mallory.activity("Undo", 3, object=boost | {"object": uri})
    assert await take(server, peer, mallory, undo) == "done"
    assert await server.ctx.db.value(COUNTS, uri) == 0


async def test_a_like_counts_once(server: Server, peer: FakePeer, mallory: PeerActor) -> None:
    await take(server, peer, mallory, to_alice(server, mallory, 1))
    uri = f"{peer.base_url}/notes/1"
    like = mallory.activity("Like", 2, object=uri)
    assert await take(server, peer, mallory, like) == "done"
    again = mallory.activity("Like", 3, object=uri)
    assert await take(server, peer, mallory, again) == "duplicate"
    assert await server.ctx.db.value(COUNTS, uri) == 1
    assert await take(server, peer, mallory, mallory.activity("Undo", 4, object=like)) == "done"
    assert await server.ctx.db.value(COUNTS, uri) == 0


async def test_an_actor_that_leaves_takes_its_posts_along(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await take(server, peer, mallory, to_alice(server, mallory, 1))
    await take(server, peer, mallory, mallory.activity("Follow", 2, object=server.alice.uri))
    leaving = mallory.activity("Delete", 3, object=mallory.uri, to=[PUBLIC])
    assert await take(server, peer, mallory, leaving) == "done"
    assert await server.ctx.db.values(STATUSES) == []
    assert await server.ctx.db.value(FOLLOWERS, server.alice.uri) == 0
    assert await server.ctx.db.value(DELETED, mallory.uri) is True

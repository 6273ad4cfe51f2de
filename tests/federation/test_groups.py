"""What groups pass on (FEP-1b12): believed only as far as an origin proves it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.query import Command, Value
from tests.conftest import unused_port
from tests.federation.conftest import Server, make_config, serve
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor, start_peer
from tests.federation.processing import take

BOOSTS = Value(
    """
    SELECT a.uri || ' ' || o.uri FROM statuses s JOIN statuses o ON o.id = s.reblog_of_id
    JOIN accounts a ON a.id = s.account_id ORDER BY s.id
    """,
    str,
)
CONTENT = Value("SELECT content FROM statuses WHERE uri = $1", str)
LIKERS = Value(
    "SELECT a.uri FROM favourites f JOIN accounts a ON a.id = f.account_id ORDER BY f.id", str
)
HOME = Value("SELECT count(*) FROM home_entries WHERE account_id = $1", int)
FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    VALUES (2, $1, $2, 'x', now(), now())
    """
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A group at one peer, one of its members at another, a neighbour beside the group."""

    server: Server
    peer: FakePeer
    far: FakePeer
    group: PeerActor
    member: PeerActor
    neighbour: PeerActor

    async def announce(
        self, number: int, passed_on: Json | str, actor: PeerActor | None = None
    ) -> str | None:
        """Let the group pass something on, and give the outcome."""
        sender = actor or self.group
        announce = sender.activity("Announce", number, object=passed_on, to=[PUBLIC])
        return (await take(self.server, self.peer, sender, announce)).outcome

    def page(self, number: int, **changes: object) -> Json:
        """Give a post of the member, which its origin serves."""
        page = self.member.note(number, type="Page", name="A title") | changes
        self.far.serve(f"/notes/{number}", page)
        return page

    async def posted(self, number: int) -> str:
        """Let the group pass on a new post of the member; give its URI."""
        page = self.page(number)
        create = self.member.activity("Create", number + 500, object=page, to=[PUBLIC])
        assert await self.announce(number + 600, create) == "done"
        return f"{self.far.base_url}/notes/{number}"

    def served(self, activity: Json) -> Json:
        """Let the member's server serve the activity."""
        self.far.serve(activity["id"].removeprefix(self.far.base_url), activity)
        return activity


@pytest.fixture
async def scene(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Scene]:
    async with (
        start_peer(unused_port()) as far,
        serve(make_config(database_dsn, tmp_path / "here", peer, far)) as server,
    ):
        group = peer.actor("group")
        peer.serve("/users/group", group.document(type="Group"))
        followed = await resolve.account(server.ctx, group.uri, Budget(9))
        await server.ctx.db.execute(FOLLOW, server.alice.id, followed.id)
        yield Scene(server, peer, far, group, far.actor("member"), peer.actor("neighbour"))


async def test_a_new_post_is_the_groups_boost_of_what_its_origin_has(scene: Scene) -> None:
    page = scene.page(1)
    forged = page | {"content": "<p>Not what the member wrote</p>"}
    create = scene.member.activity("Create", 501, object=forged, to=[PUBLIC])
    assert await scene.announce(2, create) == "done"
    db, uri = scene.server.ctx.db, page["id"]
    assert await db.values(BOOSTS) == [f"{scene.group.uri} {uri}"]
    shown = await db.value(CONTENT, uri) or ""
    assert "Note 1" in shown
    assert "Not what" not in shown
    # Mastodon's followers get the post itself announced, too.
    assert await scene.announce(3, uri) == "duplicate"
    assert await db.value(HOME, scene.server.alice.id) == 1


async def test_a_comment_by_its_activity_id_alone(scene: Scene) -> None:
    uri = await scene.posted(1)
    comment = scene.member.note(2, inReplyTo=uri)
    scene.far.serve("/notes/2", comment)
    create = scene.served(scene.member.activity("Create", 502, object=comment, to=[PUBLIC]))
    assert await scene.announce(3, create["id"]) == "done"
    boosts = await scene.server.ctx.db.values(BOOSTS)
    assert boosts[1:] == [f"{scene.group.uri} {comment['id']}"]


async def test_the_groups_boost_is_taken_back(scene: Scene) -> None:
    await scene.posted(1)
    announce = {"id": f"{scene.peer.base_url}/activities/601", "type": "Announce"}
    announce |= {"actor": scene.group.uri, "object": f"{scene.far.base_url}/activities/501"}
    undo = scene.group.activity("Undo", 3, object=announce)
    assert (await take(scene.server, scene.peer, scene.group, undo)).outcome == "done"
    assert await scene.server.ctx.db.values(BOOSTS) == []


async def test_an_edit_is_read_where_the_post_lives(scene: Scene) -> None:
    uri = await scene.posted(1)
    db = scene.server.ctx.db
    claimed = scene.page(1) | {"content": "<p>Forged</p>", "updated": "2026-11-02T12:00:00Z"}
    update = scene.member.activity("Update", 700, object=claimed, to=[PUBLIC])
    await scene.announce(3, update)
    assert "Note 1" in (await db.value(CONTENT, uri) or "")
    scene.page(1, content="<p>Changed</p>", updated="2026-11-02T12:00:00Z")
    assert await scene.announce(4, update) == "done"
    assert "Changed" in (await db.value(CONTENT, uri) or "")
    assert await scene.announce(5, update) == "ignored"


async def test_a_post_is_deleted_only_when_its_origin_has_it_no_more(scene: Scene) -> None:
    uri = await scene.posted(1)
    db = scene.server.ctx.db
    by_moderator = scene.neighbour.activity("Delete", 700, object=uri, to=[PUBLIC])
    assert await scene.announce(3, by_moderator) == "ignored"
    assert await db.value(CONTENT, uri) is not None
    scene.far.serve("/notes/1", {"id": uri, "type": "Tombstone"}, status=410)
    assert await scene.announce(4, by_moderator) == "done"
    assert await db.value(CONTENT, uri) is None


async def test_a_like_counts_as_its_origin_has_it(scene: Scene) -> None:
    uri = await scene.posted(1)
    db = scene.server.ctx.db
    unproved = scene.member.activity("Like", 700, object=uri)
    assert await scene.announce(3, unproved) == "ignored"
    other = scene.served(scene.member.activity("Dislike", 701, object=uri))
    assert await scene.announce(4, other | {"type": "Like"}) == "ignored"
    assert await db.values(LIKERS) == []
    like = scene.served(scene.member.activity("Like", 702, object=uri))
    assert await scene.announce(5, like) == "done"
    assert await db.values(LIKERS) == [scene.member.uri]
    assert await scene.announce(6, scene.member.activity("Undo", 703, object=like)) == "ignored"
    undo = scene.served(scene.member.activity("Undo", 704, object=like))
    assert await scene.announce(7, undo) == "done"
    assert await db.values(LIKERS) == []


async def test_a_group_vouches_for_its_own_origin_only(scene: Scene) -> None:
    uri = await scene.posted(1)
    db = scene.server.ctx.db
    beside = scene.neighbour.activity("Like", 700, object=uri)
    assert await scene.announce(3, beside) == "done"
    assert await db.values(LIKERS) == [scene.neighbour.uri]
    # An id of its own origin, and an actor of another.
    borrowed = scene.group.activity("Like", 701, object=uri) | {"actor": scene.member.uri}
    assert await scene.announce(4, borrowed) == "refused"
    ours = scene.neighbour.activity("Like", 702, object=uri)
    ours |= {"id": f"{scene.server.base_url}/activities/7", "actor": scene.server.alice.uri}
    assert await scene.announce(5, ours) == "ignored"
    assert await db.values(LIKERS) == [scene.neighbour.uri]


async def test_only_groups_pass_on(scene: Scene) -> None:
    uri = await scene.posted(1)
    like = scene.served(scene.member.activity("Like", 700, object=uri))
    assert await scene.announce(3, like, scene.neighbour) == "ignored"
    assert await scene.server.ctx.db.values(LIKERS) == []


async def test_what_concerns_nothing_here_is_never_fetched(scene: Scene) -> None:
    unknown = f"{scene.far.base_url}/notes/99"
    for number, kind in enumerate(("Like", "Delete", "Update", "Dislike", "Lock"), 3):
        passed_on = scene.served(scene.member.activity(kind, 700 + number, object=unknown))
        assert await scene.announce(number, passed_on) == "ignored"
    assert [request.path for request in scene.far.asked] == []

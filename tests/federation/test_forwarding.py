"""Forwarding from the inbox (ActivityPub §7.1.2): ours to our followers, and others' to us."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from fedserver import effects
from fedserver.effects import Create, NewStatus
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.query import Command, Value
from storage.statuses import STATUS_BY_ID, STATUS_BY_URI, StatusRow
from tests.conftest import unused_port
from tests.federation.conftest import ItemRow, Server, deliver, make_config, serve
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor, rsa_key, start_peer
from tests.federation.processing import process, take

FOLLOWED = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    SELECT 77, f.id, t.id, 'x:77', now(), now() FROM accounts f, accounts t
    WHERE f.uri = $1 AND t.uri = $2
    """
)
BLOCKED = Command(
    """
    INSERT INTO blocks (id, account_id, target_id, uri, created_at)
    SELECT 78, b.id, t.id, 'x:78', now() FROM accounts b, accounts t
    WHERE b.uri = $1 AND t.uri = $2
    """
)
CONTENTS = Value("SELECT content FROM statuses ORDER BY id", str)
EDITS = Value("SELECT count(*) FROM status_edits", int)
TOMBSTONES = Value("SELECT uri FROM tombstones", str)


@pytest.fixture
async def other() -> AsyncIterator[FakePeer]:
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def server(
    database_dsn: str, tmp_path: Path, peer: FakePeer, other: FakePeer
) -> AsyncIterator[Server]:
    async with serve(make_config(database_dsn, tmp_path / "here", peer, other)) as started:
        yield started


@pytest.fixture
def author(peer: FakePeer) -> PeerActor:
    """Who answers."""
    return peer.actor("author")


@pytest.fixture
async def follower(server: Server, other: FakePeer) -> PeerActor:
    """Somebody on the other peer who follows Alice."""
    follower = other.actor("follower")
    await effects.find_by_url(server.ctx, follower.uri, Budget(5))
    await server.ctx.db.execute(FOLLOWED, follower.uri, server.alice.uri)
    return follower


async def posted(server: Server, visibility: str = "public") -> StatusRow:
    """Let Alice post, and send it to nobody."""
    ctx, number = server.ctx, server.ctx.ids.new()
    uri = Uris(ctx.config.base_url).status("alice", number)
    status = NewStatus(
        id=number, uri=uri, url=uri, visibility=visibility, content="Hello",
        created_at=ctx.clock.now(),
    )  # fmt: skip
    await effects.perform(ctx, Create(actor=server.alice, uri=f"{uri}/activity", status=status))
    await ctx.db.execute(Command("DELETE FROM deliveries"))
    row = await ctx.db.one(STATUS_BY_ID, number)
    assert row is not None
    return row


def answer_to(author: PeerActor, status: StatusRow, *cc: str, **more: Any) -> Json:
    note = author.note(1, inReplyTo=status.uri, cc=list(cc))
    return author.create(1, object=note, cc=list(cc)) | more


async def forwarded(server: Server, other: FakePeer) -> list[bytes]:
    """Deliver, and give what the other peer got."""
    await deliver(server)
    return [one.body for one in other.received]


async def test_an_answer_goes_on_to_our_followers_as_it_came(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, follower: PeerActor
) -> None:
    status = await posted(server)
    create = answer_to(author, status, f"{server.alice.uri}/followers")
    sent = orjson.dumps(create, option=orjson.OPT_INDENT_2)
    assert (await peer.post(server.shared_inbox, sent, actor=author)).status == 202
    await process(server)
    assert await forwarded(server, other) == [sent]
    (request,) = other.received
    assert f'keyId="{server.alice.uri}#main-key"' in request.headers["signature"]
    assert peer.received == [], "its own server has it"


async def test_what_is_not_for_our_followers_stays_here(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, follower: PeerActor
) -> None:
    create = answer_to(author, await posted(server))
    assert (await take(server, peer, author, create)).outcome == "done"
    assert await forwarded(server, other) == []


@pytest.mark.parametrize("proof", ["proof", "signature"])
async def test_what_proves_itself_goes_on_where_it_is_public(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, follower: PeerActor,
    proof: str,
) -> None:  # fmt: skip
    create = answer_to(author, await posted(server), **{proof: {"type": "Something"}})
    assert (await take(server, peer, author, create)).outcome == "done"
    assert len(await forwarded(server, other)) == 1


async def test_an_edit_and_a_deletion_go_where_the_answer_went(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, follower: PeerActor
) -> None:
    create = answer_to(author, await posted(server), f"{server.alice.uri}/followers")
    assert (await take(server, peer, author, create)).outcome == "done"
    edited = create["object"] | {"content": "New", "updated": "2026-11-02T12:00:00Z"}
    update = author.activity("Update", 2, object=edited, to=[PUBLIC])
    assert (await take(server, peer, author, update)).outcome == "done"
    delete = author.activity("Delete", 3, object=edited["id"], to=[PUBLIC])
    assert (await take(server, peer, author, delete)).outcome == "done"
    got = [orjson.loads(body)["type"] for body in await forwarded(server, other)]
    assert got == ["Create", "Update", "Delete"]


async def test_whom_the_author_blocks_does_not_speak_to_their_followers(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, follower: PeerActor
) -> None:
    await effects.find_by_url(server.ctx, author.uri, Budget(5))
    await server.ctx.db.execute(BLOCKED, server.alice.uri, author.uri)
    create = answer_to(author, await posted(server), f"{server.alice.uri}/followers")
    await peer.post(server.shared_inbox, create, actor=author)
    await process(server)
    assert await forwarded(server, other) == []


async def test_who_may_not_see_a_post_does_not_speak_to_its_authors_followers(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, follower: PeerActor
) -> None:
    private = await posted(server, "private")
    create = answer_to(author, private, f"{server.alice.uri}/followers")
    await peer.post(server.shared_inbox, create, actor=author)
    await process(server)
    assert await forwarded(server, other) == []


async def test_a_forwarded_activity_is_not_served_as_ours(
    server: Server, peer: FakePeer, author: PeerActor, follower: PeerActor
) -> None:
    create = answer_to(author, await posted(server), f"{server.alice.uri}/followers")
    await take(server, peer, author, create)
    outbox = orjson.loads((await peer.get(f"{server.alice.uri}/outbox?page=true")).text)
    assert [one["actor"] for one in outbox["orderedItems"]] == [server.alice.uri]


# --- what others forward to us ---


@pytest.fixture
def relay(other: FakePeer) -> PeerActor:
    """Somebody on another server who brings what the author said."""
    return other.actor("relay")


async def root_of(server: Server, other: FakePeer, relay: PeerActor) -> StatusRow:
    """A post of the relay's that is known here."""
    note = relay.note(50)
    other.serve("/notes/50", note)
    return await effects.bring_status(server.ctx, note["id"], Budget(10))


async def bring(
    server: Server, other: FakePeer, relay: PeerActor, activity: Json, status: int = 202
) -> ItemRow | None:
    """Let the relay bring an activity and process it; give how the last item ended."""
    answer = await other.post(server.shared_inbox, activity, actor=relay)
    assert answer.status == status, answer
    await process(server)
    items = await server.items()
    return items[-1] if items else None


async def test_a_forwarded_answer_counts_as_its_origin_has_it(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    root = await root_of(server, other, relay)
    note = author.note(1, inReplyTo=root.uri, content="<p>True</p>")
    peer.serve("/notes/1", note)
    lie = author.create(1, object=note | {"content": "<p>A lie</p>", "to": [PUBLIC]})
    item = await bring(server, other, relay, lie)
    assert item is not None
    assert (item.outcome, item.actor_uri) == ("done", relay.uri)
    stored = await server.ctx.db.one(STATUS_BY_URI, note["id"])
    assert stored is not None
    assert (stored.content, stored.thread_id) == ("<p>True</p>", root.thread_id)


async def test_what_the_origin_does_not_have_is_not_stored(
    server: Server, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    root = await root_of(server, other, relay)
    item = await bring(
        server, other, relay, author.create(1, object=author.note(1, inReplyTo=root.uri))
    )
    assert item is not None
    assert item.outcome == "ignored"
    assert len(await server.ctx.db.values(CONTENTS)) == 1


async def test_what_concerns_nothing_here_is_refused_at_once(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    peer.serve("/notes/1", author.note(1))
    assert await bring(server, other, relay, author.create(1), status=403) is None
    assert peer.times_asked("/notes/1") == 0


async def test_a_like_is_never_taken_from_another(
    server: Server, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    root = await root_of(server, other, relay)
    like = author.activity("Like", 1, object=root.uri)
    assert await bring(server, other, relay, like, status=403) is None


async def test_who_brings_first_does_not_take_the_activitys_place(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    status = await posted(server)
    create = answer_to(author, status)
    item = await bring(server, other, relay, create)
    assert item is not None
    assert item.outcome == "ignored", "its origin did not have it yet"
    assert (await take(server, peer, author, create)).outcome == "done"


async def test_a_forwarded_edit_is_taken_once(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    root = await root_of(server, other, relay)
    note = author.note(1, inReplyTo=root.uri)
    peer.serve("/notes/1", note)
    await effects.bring_status(server.ctx, note["id"], Budget(10))
    edited = note | {"content": "<p>New</p>", "updated": "2026-11-02T12:00:00Z"}
    peer.serve("/notes/1", edited)
    lie = edited | {"content": "<p>A lie</p>"}
    for number in (2, 3):
        await bring(server, other, relay, author.activity("Update", number, object=lie))
    assert "<p>New</p>" in await server.ctx.db.values(CONTENTS)
    assert await server.ctx.db.value(EDITS) == 1


async def test_a_forwarded_deletion_counts_if_the_origin_has_deleted(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    note = author.note(1)
    peer.serve("/notes/1", note)
    await effects.bring_status(server.ctx, note["id"], Budget(10))
    item = await bring(server, other, relay, author.activity("Delete", 2, object=note["id"]))
    assert item is not None
    assert item.outcome == "ignored"
    peer.serve("/notes/1", {}, status=410)
    await bring(server, other, relay, author.activity("Delete", 3, object=note["id"]))
    assert await server.ctx.db.one(STATUS_BY_URI, note["id"]) is None
    assert await server.ctx.db.values(TOMBSTONES) == [note["id"]]


async def test_a_forwarded_deletion_of_a_private_post_is_not_believed(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    me = server.alice.uri
    tag = [{"type": "Mention", "href": me, "name": "@alice"}]
    note = author.note(1, to=[me], cc=[], tag=tag)
    assert (await take(server, peer, author, author.create(1, object=note, to=[me]))).outcome
    await bring(server, other, relay, author.activity("Delete", 2, object=note["id"]))
    assert await server.ctx.db.one(STATUS_BY_URI, note["id"]) is not None


async def test_what_is_ours_nobody_brings_us(
    server: Server, other: FakePeer, relay: PeerActor
) -> None:
    status = await posted(server)
    ours = PeerActor(server.base_url, "alice", rsa_key("x"))
    note = ours.note(1, inReplyTo=status.uri)
    assert await bring(server, other, relay, ours.create(1, object=note), status=403) is None


async def test_the_origin_decides_who_wrote_it(
    server: Server, peer: FakePeer, other: FakePeer, author: PeerActor, relay: PeerActor
) -> None:
    root = await root_of(server, other, relay)
    somebody = peer.actor("somebody")
    note = somebody.note(1, inReplyTo=root.uri)
    peer.serve("/notes/1", note)
    lie = author.create(1, object=author.note(1, inReplyTo=root.uri))
    item = await bring(server, other, relay, lie)
    assert item is not None
    assert item.outcome == "refused"
    assert await server.ctx.db.one(STATUS_BY_URI, note["id"]) is None

"""Activities in the wrong order, twice, too late: what is in the database afterwards."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from fedserver.clock import FixedClock
from fedserver.effects import Follow, perform_in
from fedserver.workers.housekeeping import tidy
from storage.accounts import ACCOUNT_BY_URI
from storage.query import Command, Value
from tests.federation.conftest import Server, make_config, serve
from tests.federation.fake_peer import PUBLIC, FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, process, state, take

ACCEPTED = Value(
    "SELECT count(*) FROM follows WHERE account_id = $1 AND accepted_at IS NOT NULL", int
)
FOLLOWS = Value("SELECT count(*) FROM follows", int)
COUNTS = Value("SELECT favourites_count + reblogs_count FROM statuses WHERE uri = $1", int)
LIKES_AND_BOOSTS = Value(
    """
    SELECT (SELECT count(*) FROM favourites)
        + (SELECT count(*) FROM statuses WHERE reblog_of_id IS NOT NULL)
    """,
    int,
)
CONTENTS = Value("SELECT content FROM statuses WHERE uri = $1", str)
NOTIFICATIONS = Value("SELECT count(*) FROM notifications", int)
EDITS = Value("SELECT count(*) FROM status_edits", int)
FORGET_ITEMS = Command("DELETE FROM inbox_items")


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


def about(server: Server, mallory: PeerActor, kind: str, number: int, note: str) -> Json:
    return mallory.activity(kind, number, object=note, to=[PUBLIC, server.alice.uri])


@pytest.mark.parametrize("kind", ["Like", "Announce"])
@pytest.mark.parametrize("embedded", [True, False])
async def test_what_was_undone_first_is_not_done(
    server: Server, peer: FakePeer, mallory: PeerActor, kind: str, embedded: bool
) -> None:
    note = mentioning(mallory, server.alice.uri, 1)
    await take(server, peer, mallory, note)
    act = about(server, mallory, kind, 2, note["object"]["id"])
    undo = mallory.activity("Undo", 3, object=act if embedded else act["id"])
    await take(server, peer, mallory, undo)
    item = await take(server, peer, mallory, act)
    assert item.outcome == "ignored", item.reason
    assert await server.ctx.db.value(LIKES_AND_BOOSTS) == 0
    assert await server.ctx.db.value(COUNTS, note["object"]["id"]) == 0


async def test_an_undo_before_the_create_of_what_it_undid(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """The Like of a post, its Undo and only then the post: nothing is left of the Like."""
    post = mentioning(mallory, server.alice.uri, 1)
    like = about(server, mallory, "Like", 2, post["object"]["id"])
    assert (await take(server, peer, mallory, like)).outcome == "ignored"
    undo = mallory.activity("Undo", 3, object=like)
    await take(server, peer, mallory, undo)
    assert (await take(server, peer, mallory, post)).outcome == "done"
    assert await server.ctx.db.value(LIKES_AND_BOOSTS) == 0


async def test_an_accept_before_the_follow_is_committed(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    ctx = server.ctx
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    target = await ctx.db.one(ACCOUNT_BY_URI, mallory.uri)
    assert target is not None
    follow = Follow(actor=server.alice, uri=f"{server.base_url}/activities/9", target=target)
    embedded = {
        "id": follow.uri,
        "type": "Follow",
        "actor": server.alice.uri,
        "object": mallory.uri,
    }
    async with ctx.db.transaction() as tx:
        await perform_in(ctx, tx, follow)
        early = mallory.activity("Accept", 2, object=embedded)
        assert (await peer.post(server.shared_inbox, early, actor=mallory)).status == 202
        processing = asyncio.create_task(process(server))
        await asyncio.sleep(0.3)
        assert await ctx.db.value(ACCEPTED, server.alice.id) == 0
    await processing
    # Who accepts before there is anything to accept is asked to say it again, or was heard.
    again = mallory.activity("Accept", 3, object=embedded)
    await take(server, peer, mallory, again)
    assert await ctx.db.value(ACCEPTED, server.alice.id) == 1
    assert await ctx.db.value(FOLLOWS) == 1


async def test_an_accept_of_no_follow_makes_none(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    before = await state(server)
    follow = {
        "id": f"{server.base_url}/activities/9",
        "type": "Follow",
        "actor": server.alice.uri,
        "object": mallory.uri,
    }
    item = await take(server, peer, mallory, mallory.activity("Accept", 2, object=follow))
    assert item.outcome in ("ignored", "duplicate"), item.reason
    assert await state(server) == before


async def test_one_activity_through_both_inboxes_at_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    post = mentioning(mallory, server.alice.uri, 1)
    inboxes = [server.shared_inbox, server.alice.inbox_url] * 5
    answers = await asyncio.gather(*(peer.post(inbox, post, actor=mallory) for inbox in inboxes))
    assert {answer.status for answer in answers} == {202}
    await asyncio.gather(process(server), process(server))
    assert [item.outcome for item in await server.items()] == ["done"]
    assert await server.ctx.db.value(NOTIFICATIONS) == 1


async def test_one_post_under_two_activity_ids_at_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    post = mentioning(mallory, server.alice.uri, 1)
    twin = post | {"id": f"{mallory.base_url}/activities/2"}
    await asyncio.gather(
        peer.post(server.shared_inbox, post, actor=mallory),
        peer.post(server.alice.inbox_url, twin, actor=mallory),
    )
    await asyncio.gather(process(server), process(server))
    assert sorted(str(item.outcome) for item in await server.items()) == ["done", "duplicate"]
    assert await server.ctx.db.value(NOTIFICATIONS) == 1


async def test_a_create_after_its_delete_does_not_come_back(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    post = mentioning(mallory, server.alice.uri, 1)
    uri = post["object"]["id"]
    await take(server, peer, mallory, post)
    await take(server, peer, mallory, mallory.activity("Delete", 2, object=uri))
    await server.ctx.db.execute(FORGET_ITEMS)
    for activity in (
        post | {"id": f"{mallory.base_url}/activities/3"},
        mallory.activity("Update", 4, object=post["object"] | {"updated": "2026-11-05T12:00:00Z"}),
        mallory.activity("Announce", 5, object=uri, to=[PUBLIC]),
    ):
        item = await take(server, peer, mallory, activity)
        assert item.outcome == "ignored", item.reason
    assert await server.ctx.db.values(CONTENTS, uri) == []


async def test_an_update_before_its_create_leaves_the_newer_text(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    post = mentioning(mallory, server.alice.uri, 1)
    newer = post["object"] | {"content": "<p>Newer</p>", "updated": "2026-11-05T12:00:00Z"}
    update = mallory.activity("Update", 2, object=newer)
    item = await take(server, peer, mallory, update)
    assert item.outcome == "ignored", item.reason
    await take(server, peer, mallory, post)
    again = update | {"id": f"{mallory.base_url}/activities/3"}
    assert (await take(server, peer, mallory, again)).outcome == "done"
    assert await server.ctx.db.values(CONTENTS, newer["id"]) == ["<p>Newer</p>"]


async def test_an_earlier_edit_that_comes_late_changes_nothing(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """Also when somebody who kept it brings it: an edit has its place in time."""
    created = mentioning(mallory, server.alice.uri, 1)
    await take(server, peer, mallory, created)

    def edit(number: int, text: str, updated: str) -> Json:
        note = created["object"] | {"content": f"<p>{text}</p>", "updated": updated}
        return mallory.activity("Update", number, object=note)

    for number, text, updated, outcome in (
        (2, "second", "2026-11-02T12:00:00Z", "done"),
        (3, "third", "2026-11-03T12:00:00Z", "done"),
        (4, "second again", "2026-11-02T12:00:00Z", "duplicate"),
        (5, "fourth", "2026-11-04T12:00:00Z", "done"),
    ):
        item = await take(server, peer, mallory, edit(number, text, updated))
        assert item.outcome == outcome, (text, item.reason)
    content = await server.ctx.db.value(CONTENTS, created["object"]["id"])
    assert content == "<p>fourth</p>"
    assert await server.ctx.db.value(EDITS) == 3


async def test_an_update_does_not_widen_the_audience(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    post = mentioning(mallory, server.alice.uri, 1, to=[])
    await take(server, peer, mallory, post)
    wider = post["object"] | {"to": [PUBLIC], "updated": "2026-11-05T12:00:00Z"}
    await take(server, peer, mallory, mallory.activity("Update", 2, object=wider))
    visibility = Value("SELECT visibility FROM statuses WHERE uri = $1", str)
    assert await server.ctx.db.values(visibility, wider["id"]) == ["direct"]


# A day later.


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime.now(UTC))


@pytest.fixture
async def later(
    database_dsn: str, tmp_path: Path, peer: FakePeer, clock: FixedClock
) -> AsyncIterator[Server]:
    async with serve(make_config(database_dsn, tmp_path / "later", peer), clock=clock) as started:
        yield started


async def test_the_same_request_a_day_later_is_refused(
    later: Server, peer: FakePeer, mallory: PeerActor, clock: FixedClock
) -> None:
    post = orjson.dumps(mentioning(mallory, later.alice.uri, 1))
    sent_at = clock.now()
    assert (await peer.post(later.shared_inbox, post, actor=mallory, date=sent_at)).status == 202
    await process(later)
    before, items = await state(later), await later.items()
    clock.move(timedelta(hours=13))
    answer = await peer.post(later.shared_inbox, post, actor=mallory, date=sent_at)
    assert answer.status == 401
    assert (await state(later), await later.items()) == (before, items)


@pytest.mark.parametrize("days", [1, 30])
async def test_the_same_activity_signed_anew_changes_nothing(
    later: Server, peer: FakePeer, mallory: PeerActor, clock: FixedClock, days: int
) -> None:
    post = mentioning(mallory, later.alice.uri, 1)
    for activity in (post, about(later, mallory, "Like", 2, post["object"]["id"])):
        await peer.post(later.shared_inbox, activity, actor=mallory, date=clock.now())
    await process(later)
    before = await state(later)
    clock.move(timedelta(days=days))
    await tidy(later.ctx)
    for activity in (post, about(later, mallory, "Like", 2, post["object"]["id"])):
        answer = await peer.post(later.shared_inbox, activity, actor=mallory, date=clock.now())
        assert answer.status == 202, answer
    await process(later)
    assert await state(later) == before

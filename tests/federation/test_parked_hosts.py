"""Hosts that are away for days: they cost nothing, and miss nothing."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import orjson
import pytest

from fedserver.clock import FixedClock, SystemClock
from fedserver.ids import IdMaker, first_id_of
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.workers import replay
from storage.deliveries import INSERT_DELIVERIES
from storage.outbox import INSERT_ACTIVITY
from storage.query import Command, Value
from storage.relations import FOLLOWERS_INBOXES
from storage.replays import MISSED, SHARE_POSTING
from tests.federation.conftest import DUE_NOW, Server, deliver, lane_of, waiting
from tests.federation.fake_peer import FakePeer, PeerActor, answering

STATE = Value(
    """
    SELECT CASE WHEN gone_at IS NOT NULL THEN 'gone' WHEN parked_at IS NOT NULL THEN 'parked'
        WHEN missed_from IS NOT NULL THEN 'half' WHEN failures > 0 THEN 'failing' ELSE 'well' END
    FROM hosts WHERE host = $1
    """,
    str,
)
FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
    VALUES ($1, $2, $3, $1::bigint::text, $4, $4)
    """
)
UNFOLLOW = Command("DELETE FROM follows")


@pytest.fixture
async def past(server: Server) -> Server:
    """The same server twenty days ago, with a clock that is moved by hand."""
    clock = FixedClock(SystemClock().now() - timedelta(days=20))
    return replace(server, ctx=replace(server.ctx, clock=clock, ids=IdMaker(clock)))


@pytest.fixture
def victor(peer: FakePeer) -> PeerActor:
    return peer.actor("victor")


def pass_time(server: Server, by: timedelta) -> None:
    assert isinstance(server.ctx.clock, FixedClock)
    server.ctx.clock.move(by)


async def follow(server: Server, follower: PeerActor) -> None:
    """Let `follower` follow Alice from now on."""
    row = await resolve.account(server.ctx, follower.uri, Budget(5))
    ctx = server.ctx
    await ctx.db.execute(FOLLOW, ctx.ids.new(), row.id, server.alice.id, ctx.clock.now())


async def post(server: Server, *named: str, to_followers: bool = True) -> str:
    """Write an activity of Alice as `effects.performing` does, and give its id."""
    ctx, number = server.ctx, server.ctx.ids.new()
    uri, now = f"{server.base_url}/activities/{number}", ctx.clock.now()
    document = orjson.dumps({"id": uri, "type": "Create", "actor": server.alice.uri})
    async with ctx.db.transaction() as tx:
        row = (number, uri, server.alice.id, "Create", document, False, None, now)
        await tx.execute(INSERT_ACTIVITY, *row, to_followers, list(named))
        inboxes = set(named)
        if to_followers:
            inboxes.update(await tx.values(FOLLOWERS_INBOXES, server.alice.id))
        hosts = [inbox.split("/")[2] for inbox in sorted(inboxes)]
        await tx.execute(SHARE_POSTING)
        await tx.execute(INSERT_DELIVERIES, number, sorted(inboxes), hosts, now)
    return uri


async def stay_away(server: Server, peer: FakePeer, days: float) -> int:
    """Let days pass in which the host answers nothing; give how often it was asked."""
    peer.answer_inbox = answering(503)
    asked = len(peer.received)
    end = server.ctx.clock.now() + timedelta(days=days)
    while server.ctx.clock.now() < end:
        await deliver(server)
        at = (await lane_of(server, peer)).next_try_at
        if at is None or at > end:
            pass_time(server, end - server.ctx.clock.now())
            break
        pass_time(server, max(at - server.ctx.clock.now(), timedelta(seconds=1)))
    return len(peer.received) - asked


async def come_back(server: Server, peer: FakePeer) -> list[str]:
    """Let the host answer again until nothing is due in the next hour; give what it took."""
    peer.answer_inbox = None
    peer.received.clear()
    pass_time(server, timedelta(days=1, hours=5))
    for _ in range(100):
        await deliver(server)
        at = (await lane_of(server, peer)).next_try_at
        if at is None:
            break
        pass_time(server, max(at - server.ctx.clock.now(), timedelta()))
    return [request.document["id"] for request in peer.received]


def check_order(taken: list[str], expected: list[str]) -> None:
    """Each came once, in order."""
    assert taken == expected


async def state(server: Server, peer: FakePeer) -> str | None:
    return await server.ctx.db.value(STATE, peer.host)


async def test_a_host_that_is_away_for_a_week_is_parked_and_costs_no_rows(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    await post(past)
    await stay_away(past, peer, 6.9)
    assert (await state(past, peer), await waiting(past)) == ("failing", 1)
    await stay_away(past, peer, 0.5)
    assert (await state(past, peer), await waiting(past)) == ("parked", 0)
    for _ in range(5):
        await post(past)
    assert await waiting(past) == 0


async def test_what_it_missed_is_sent_in_order_when_it_answers_again(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    missed = [await post(past) for _ in range(3)]
    await stay_away(past, peer, 7.5)
    missed += [await post(past) for _ in range(120)]
    pass_time(past, timedelta(hours=1))
    missed += [await post(past)]
    check_order(await come_back(past, peer), missed)
    assert (await state(past, peer), await waiting(past)) == ("well", 0)
    peer.received.clear()
    last = await post(past)
    await deliver(past)
    assert [request.document["id"] for request in peer.received] == [last]


async def test_what_was_not_for_it_is_not_sent(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await post(past)  # before there was a follower
    pass_time(past, timedelta(minutes=1))
    await follow(past, victor)
    first = await post(past)
    await stay_away(past, peer, 8)
    await post(past, to_followers=False)
    named = await post(past, f"{peer.base_url}/users/victor/inbox", to_followers=False)
    await post(past, "http://elsewhere.example/inbox", to_followers=False)
    assert await come_back(past, peer) == [first, named]


async def test_who_follows_no_more_is_sent_only_what_names_them(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    await post(past)
    named = await post(past, f"{peer.base_url}/users/victor/inbox", to_followers=False)
    await stay_away(past, peer, 8)
    await past.ctx.db.execute(UNFOLLOW)
    assert await come_back(past, peer) == [named]


async def test_what_is_older_than_the_setting_says_is_not_sent(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    await post(past)
    await stay_away(past, peer, 8)
    pass_time(past, timedelta(days=31))
    recent = await post(past)
    assert await come_back(past, peer) == [recent]


async def test_a_post_that_was_deleted_meanwhile_is_not_sent(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    await post(past)
    await stay_away(past, peer, 8)
    deleted = await post(past)
    about_no_status = Command("UPDATE outbox_activities SET status_id = 4711 WHERE uri = $1")
    await past.ctx.db.execute(about_no_status, deleted)
    last = await post(past)
    assert deleted not in (taken := await come_back(past, peer))
    assert taken[-1] == last


async def test_one_activity_is_the_probe_and_probes_are_rare(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    for _ in range(30):
        await post(past)
    first_hour = await stay_away(past, peer, 1 / 24)
    assert first_hour <= 2 + 4
    assert await stay_away(past, peer, 23 / 24) <= 24 * 4
    assert await stay_away(past, peer, 6) <= 6 * 24 + 1
    await stay_away(past, peer, 0.5)
    assert await state(past, peer) == "parked"
    assert await stay_away(past, peer, 5) <= 5 * 8 + 1
    assert await waiting(past) <= 1


async def test_a_host_that_speaks_is_tried_at_once(
    past: Server, server: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    missed = [await post(past)]
    await stay_away(past, peer, 8)
    missed += [await post(past)]
    peer.answer_inbox = None
    peer.received.clear()
    answer = await peer.post(server.shared_inbox, victor.create(1), actor=victor)
    assert answer.status == 202  # by the clock on the wall, twelve days later
    for _ in range(4):
        await deliver(server)
        await server.ctx.db.execute(DUE_NOW)
    assert [request.document["id"] for request in peer.received] == missed
    assert await state(server, peer) == "well"


async def test_too_many_rows_park_a_host_early_and_nothing_is_lost(
    past: Server, peer: FakePeer, victor: PeerActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "MAX_WAITING", 10)
    await follow(past, victor)
    missed = [await post(past) for _ in range(12)]
    await stay_away(past, peer, 0.002)
    assert await waiting(past) == 12, "it may be a matter of minutes"
    await stay_away(past, peer, 0.1)
    assert (await state(past, peer), await waiting(past)) == ("parked", 0)
    check_order(await come_back(past, peer), missed)


async def test_a_host_for_which_nothing_is_left_is_asked_no_more(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    await post(past)
    await stay_away(past, peer, 8)
    await past.ctx.db.execute(UNFOLLOW)
    await stay_away(past, peer, 1)
    assert await stay_away(past, peer, 3) == 0
    assert (await lane_of(past, peer)).next_try_at is None
    assert (await lane_of(past, peer)).failures > 2, "that it was away is not forgotten"


async def test_who_posts_while_the_last_page_is_written_is_not_missed(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    """A post that is under way holds the end of the replay up, and is then part of it."""
    await follow(past, victor)
    await post(past)
    await stay_away(past, peer, 8)
    peer.answer_inbox = None
    peer.received.clear()
    pass_time(past, timedelta(days=1, hours=5))
    ctx, number = past.ctx, past.ctx.ids.new()
    uri = f"{past.base_url}/activities/{number}"
    row = (number, uri, past.alice.id, "Create", orjson.dumps({"id": uri}), False, None)
    async with ctx.db.transaction() as tx:
        await tx.execute(INSERT_ACTIVITY, *row, ctx.clock.now(), True, [])
        await tx.execute(SHARE_POSTING)
        inbox = f"{peer.base_url}/inbox"
        await tx.execute(INSERT_DELIVERIES, number, [inbox], [peer.host], ctx.clock.now())
        delivering = asyncio.create_task(_deliver_all(past, peer))
        await asyncio.sleep(0.5)
        assert not delivering.done()
    await delivering
    assert uri in [request.document["id"] for request in peer.received]
    assert await state(past, peer) == "well"


async def _deliver_all(server: Server, peer: FakePeer) -> None:
    while (at := (await lane_of(server, peer)).next_try_at) is not None:
        pass_time(server, max(at - server.ctx.clock.now(), timedelta()))
        await deliver(server)


async def test_a_page_ends_where_the_next_begins(
    past: Server, peer: FakePeer, victor: PeerActor
) -> None:
    await follow(past, victor)
    numbers = [int((await post(past)).rpartition("/")[2]) for _ in range(5)]
    end = first_id_of(past.ctx.clock.now() + timedelta(minutes=1))
    seen, begin = [], 0
    for _ in range(10):
        page = await past.ctx.db.one(MISSED, peer.host, begin, end, 3, 2)
        assert page is not None
        seen += page.activity_ids
        if page.next_from is None:
            break
        begin = page.next_from
    assert seen == numbers

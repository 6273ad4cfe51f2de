"""What the admin says of other domains: at once, both ways, and taken back without loss."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fedserver import effects
from fedserver.app import open_context
from fedserver.domain_rules import DomainRules
from fedserver.effects import Follow
from fedserver.errors import NotFound, Refused
from fedserver.services import domains, fetch, resolve
from fedserver.services.fetch import Budget
from fedserver.workers.domain_watch import watch_domains
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.query import Command, Value
from storage.statuses import STATUS_BY_URI, STATUS_VISIBLE
from tests.federation.conftest import (
    Server,
    deliver,
    make_config,
    send,
    serve,
    waiting,
)
from tests.federation.fake_peer import FakePeer, PeerActor
from tests.federation.processing import mentioning, process, take
from tests.waiting import until

FOLLOWS = Value("SELECT count(*) FROM follows", int)
COUNTERS = Value("SELECT sum(followers_count + following_count)::int FROM accounts", int)
HIDDEN = Value("SELECT suspended_at IS NOT NULL FROM accounts WHERE uri = $1", bool)
SILENCED = Value("SELECT silenced_at IS NOT NULL FROM accounts WHERE uri = $1", bool)
SUSPEND_ONE = Command("UPDATE accounts SET suspended_at = now() WHERE uri = $1")
DOMAIN_OF = Command("UPDATE accounts SET domain = $2 WHERE uri = $1")


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def known(server: Server, peer: FakePeer, actor: PeerActor) -> AccountRow:
    """Let `actor` write to Alice, so that actor and post 1 are known here."""
    item = await take(server, peer, actor, mentioning(actor, server.alice.uri, 1))
    assert item.outcome == "done", item
    row = await server.ctx.db.one(ACCOUNT_BY_URI, actor.uri)
    assert row is not None
    return row


async def is_visible(server: Server, peer: FakePeer, viewer: AccountRow | None) -> bool:
    row = await server.ctx.db.one(STATUS_BY_URI, f"{peer.base_url}/notes/1")
    assert row is not None, "blocking deletes nothing"
    viewer_id = viewer.id if viewer else None
    return await server.ctx.db.value(STATUS_VISIBLE, row.id, viewer_id) is True


# Blocked, in.


async def test_a_blocked_domain_is_refused_before_any_key_is_fetched(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await domains.put_rule(server.ctx, peer.host, "block")
    answer = await peer.post(server.shared_inbox, mallory.create(1), actor=mallory)
    assert answer.status == 403
    assert await server.items() == []
    assert peer.asked == []


async def test_who_borrows_a_key_elsewhere_is_refused_too(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await domains.put_rule(server.ctx, peer.host, "block")
    elsewhere = "http://localhost:1/users/x#main-key"
    answer = await peer.post(server.shared_inbox, mallory.create(1), key_id=elsewhere)
    assert answer.status == 403
    assert peer.asked == []


async def test_signed_fetches_of_a_blocked_domain_are_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    assert (await peer.get(server.alice.uri, actor=mallory)).status == 200
    await domains.put_rule(server.ctx, peer.host, "block")
    for path in ("", "/outbox", "/followers"):
        assert (await peer.get(server.alice.uri + path, actor=mallory)).status == 403


async def test_an_activity_taken_before_the_block_is_not_done_after_it(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await known(server, peer, mallory)
    second = mentioning(mallory, server.alice.uri, 2)
    assert (await peer.post(server.shared_inbox, second, actor=mallory)).status == 202
    await domains.put_rule(server.ctx, peer.host, "block")
    assert [outcome.name for outcome in await process(server)] == ["refused"]


async def test_an_account_whose_handle_is_on_a_blocked_domain_is_refused(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    """A split domain: the id lives on another host than the handle's."""
    await known(server, peer, mallory)
    await server.ctx.db.execute(DOMAIN_OF, mallory.uri, "social.evil.example")
    await domains.put_rule(server.ctx, "evil.example", "block")
    server.ctx.signer_keys.clear()
    answer = await peer.post(server.shared_inbox, mallory.create(2), actor=mallory)
    assert answer.status == 403


# Blocked, out.


async def test_nothing_is_fetched_from_a_blocked_domain(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await domains.put_rule(server.ctx, peer.host, "block")
    with pytest.raises(Refused):
        await fetch.document(server.ctx, mallory.uri, Budget(5))
    with pytest.raises(Refused):
        await resolve.account(server.ctx, mallory.uri, Budget(5))
    assert peer.asked == []


async def test_the_one_way_out_is_closed_whoever_asks(server: Server, peer: FakePeer) -> None:
    await domains.put_rule(server.ctx, peer.host, "block")
    with pytest.raises(Exception, match="blocked"):
        await server.ctx.out.request("GET", f"{peer.base_url}/picture.png")
    assert peer.asked == []


async def test_a_redirect_to_a_blocked_domain_is_not_followed(
    server: Server, peer: FakePeer
) -> None:
    peer.serve("/there", b"", status=302, headers={"Location": "http://evil.localhost/x"})
    await domains.put_rule(server.ctx, "evil.localhost", "block")
    with pytest.raises(Exception, match="blocked"):
        await server.ctx.out.request("GET", f"{peer.base_url}/there", follow_redirects=True)


async def test_what_waits_for_a_blocked_domain_is_dropped_and_nothing_is_added(
    server: Server, peer: FakePeer, inbox: str, mallory: PeerActor
) -> None:
    row = await known(server, peer, mallory)
    await send(server, inbox, count=3)
    await domains.put_rule(server.ctx, peer.host, "block")
    assert await waiting(server) == 0
    await send(server, inbox)  # as if it had been written just before
    await deliver(server)
    assert peer.received == []
    assert await waiting(server) == 0
    uri = f"{server.base_url}/activities/1"
    with pytest.raises((NotFound, Refused)):
        await effects.perform(
            server.ctx, Follow(actor=server.alice, target=await reread(server, row), uri=uri)
        )


async def reread(server: Server, row: AccountRow) -> AccountRow:
    found = await server.ctx.db.one(ACCOUNT_BY_URI, row.uri)
    assert found is not None
    return found


# Hidden, and back.


async def test_blocking_hides_and_severs_and_unblocking_brings_back_all_but_the_follows(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    row = await known(server, peer, mallory)
    await take(server, peer, mallory, mallory.activity("Follow", 5, object=server.alice.uri))
    follow = Follow(actor=server.alice, target=row, uri=f"{server.base_url}/activities/77")
    await effects.perform(server.ctx, follow)
    assert await server.ctx.db.value(FOLLOWS) == 2
    assert await is_visible(server, peer, None)

    await domains.put_rule(server.ctx, peer.host, "block")
    assert await server.ctx.db.value(HIDDEN, mallory.uri) is True
    assert not await is_visible(server, peer, None)
    assert not await is_visible(server, peer, server.alice)
    assert await server.ctx.db.value(FOLLOWS) == 0
    assert await server.ctx.db.value(COUNTERS) == 0

    await domains.remove_rule(server.ctx, peer.host)
    assert await is_visible(server, peer, None)
    assert await server.ctx.db.value(HIDDEN, mallory.uri) is False
    server.ctx.signer_keys.clear()
    answer = await peer.post(server.shared_inbox, mallory.create(9), actor=mallory)
    assert answer.status == 202


async def test_lifting_a_block_does_not_lift_what_was_said_of_one_account(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await known(server, peer, mallory)
    await server.ctx.db.execute(SUSPEND_ONE, mallory.uri)
    await domains.put_rule(server.ctx, peer.host, "block")
    await domains.put_rule(server.ctx, peer.host, "allow")
    assert await server.ctx.db.value(HIDDEN, mallory.uri) is True


async def test_blocking_twice_is_undone_at_once(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await known(server, peer, mallory)
    await domains.put_rule(server.ctx, peer.host, "block", reason="spam")
    await domains.put_rule(server.ctx, peer.host, "block", reason="spam and worse")
    await domains.put_rule(server.ctx, peer.host, "limit")
    assert await server.ctx.db.value(HIDDEN, mallory.uri) is False
    assert await server.ctx.db.value(SILENCED, mallory.uri) is True
    await domains.remove_rule(server.ctx, peer.host)
    assert await server.ctx.db.value(SILENCED, mallory.uri) is False


async def test_who_is_met_after_the_rule_obeys_it(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await domains.put_rule(server.ctx, peer.host, "limit")
    await known(server, peer, mallory)
    assert await server.ctx.db.value(SILENCED, mallory.uri) is True
    assert await server.ctx.db.value(HIDDEN, mallory.uri) is False


async def test_the_posts_of_the_limited_are_for_followers_and_the_named(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    victor = peer.actor("victor")
    row = await known(server, peer, mallory)
    stranger = await resolve.account(server.ctx, victor.uri, Budget(5))
    await domains.put_rule(server.ctx, peer.host, "limit")
    assert await is_visible(server, peer, server.alice), "it names her"
    assert await is_visible(server, peer, row), "it is their own"
    assert not await is_visible(server, peer, None)
    assert not await is_visible(server, peer, stranger)
    follow = Command(
        """
        INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
        VALUES (1, $1, $2, 'x', now(), now())
        """
    )
    await server.ctx.db.execute(follow, stranger.id, row.id)
    assert await is_visible(server, peer, stranger)


# The rules themselves.


@pytest.mark.parametrize(
    ("host", "blocked"),
    [
        ("evil.example", True),
        ("EVIL.example", True),
        ("a.b.evil.example", True),
        ("evil.example:8443", True),
        ("good.evil.example", False),
        ("x.good.evil.example", False),
        ("notevil.example", False),
        ("example", False),
        ("port.example:81", True),
        ("port.example", False),
        ("[::1]:80", False),
    ],
)
async def test_the_longest_domain_decides_and_the_database_agrees(
    server: Server, host: str, blocked: bool
) -> None:
    ctx = server.ctx
    await domains.put_rule(ctx, "*.Evil.example", "block")
    await domains.put_rule(ctx, "https://good.evil.example/", "allow")
    await domains.put_rule(ctx, "port.example:81", "block")
    assert ctx.domains.is_blocked(host) is blocked
    severity = Value("SELECT domain_severity($1)", str)
    assert (await ctx.db.value(severity, host.lower()) == "block") is blocked


async def test_our_own_domain_cannot_be_blocked(server: Server) -> None:
    for name in (server.ctx.config.instance.domain, "not a domain", ""):
        with pytest.raises(Refused):
            await domains.put_rule(server.ctx, name, "block")
    with pytest.raises(NotFound):
        await domains.remove_rule(server.ctx, "nobody.example")
    assert await domains.list_rules(server.ctx) == []


async def test_with_an_allow_list_only_the_allowed_are_dealt_with(
    database_dsn: str, tmp_path: Path, peer: FakePeer
) -> None:
    mallory = peer.actor("mallory")
    config = make_config(database_dsn, tmp_path / "here", peer, mode="allow_list")
    async with serve(config) as server:
        create = mentioning(mallory, server.alice.uri, 1)
        assert (await peer.post(server.shared_inbox, create, actor=mallory)).status == 403
        assert (await peer.get(server.alice.uri)).status == 401
        with pytest.raises(Refused):
            await fetch.document(server.ctx, mallory.uri, Budget(5))
        assert peer.asked == []
        await domains.put_rule(server.ctx, peer.host, "allow")
        assert (await take(server, peer, mallory, create)).outcome == "done"
        assert (await peer.get(server.alice.uri, actor=mallory)).status == 200


def test_without_rules_everybody_is_welcome_and_with_an_allow_list_we_are() -> None:
    assert not DomainRules("open", "here.example").refuses("far.example")
    closed = DomainRules("allow_list", "here.example")
    assert closed.refuses("far.example")
    assert not closed.refuses("here.example")


# Other processes.


@asynccontextmanager
async def following_rules(server: Server) -> AsyncIterator[None]:
    """Run what hears of new rules."""
    tasks = [
        asyncio.create_task(watch_domains(server.ctx)),
        asyncio.create_task(server.ctx.events.run()),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_running_server_follows_at_once_what_another_process_says(
    server: Server, peer: FakePeer, mallory: PeerActor
) -> None:
    await known(server, peer, mallory)
    async with following_rules(server), open_context(server.ctx.config) as command:

        async def answers(expected: int) -> bool:
            answer = await peer.post(server.shared_inbox, mallory.create(7), actor=mallory)
            return answer.status == expected

        await domains.put_rule(command, peer.host, "block")
        await until(lambda: answers(403))
        await domains.put_rule(command, peer.host, "allow")
        await until(lambda: answers(202))

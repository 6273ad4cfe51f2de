"""Flags: from a peer to our moderators, and from our people to a peer's."""

from collections.abc import AsyncIterator

import aiohttp
import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer

from fedserver.app import make_application
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.query import Command, Query, Value
from storage.reports import OPEN_REPORTS, ReportRow
from storage.statuses import STATUS_BY_URI
from tests.clients.contract import load_contract
from tests.federation.conftest import Server, deliver
from tests.federation.fake_peer import FakePeer, Json, PeerActor
from tests.federation.processing import mentioning, take
from tests.mastodon.world import World

REPORTS = Query(
    f"SELECT {', '.join(ReportRow.__dataclass_fields__)} FROM reports ORDER BY id", ReportRow
)
POST = Command(
    """
    INSERT INTO statuses (id, uri, url, account_id, local, visibility, thread_id, content,
        created_at)
    VALUES ($1, $2, $2, $3, true, 'public', $1, '<p>Hello</p>', now())
    """
)
SENDERS = Value("SELECT a.uri FROM outbox_activities o JOIN accounts a ON a.id = o.account_id", str)


@pytest.fixture
def moderator(peer: FakePeer) -> PeerActor:
    """Give the peer's instance actor."""
    actor = peer.actor("instance")
    peer.serve("/users/instance", actor.document(type="Application"))
    return actor


async def own_note(server: Server, number: int) -> str:
    uri = f"{server.alice.uri}/statuses/{number}"
    await server.ctx.db.execute(POST, number, uri, server.alice.id)
    return uri


async def test_a_report_of_a_peer_is_kept_for_moderators(
    server: Server, peer: FakePeer, moderator: PeerActor
) -> None:
    note, elsewhere = await own_note(server, 7), f"{peer.base_url}/notes/1"
    flag = moderator.activity(
        "Flag",
        1,
        object=[server.alice.uri, note, elsewhere],
        content="Rude <script>x</script>\u202e to everybody",
    )
    assert (await take(server, peer, moderator, flag)).outcome == "done"
    (report,) = await server.ctx.db.fetch(REPORTS)
    assert (report.uri, report.target_id, report.status_ids) == (flag["id"], server.alice.id, [7])
    assert report.comment == "Rude x to everybody"
    assert (report.category, report.forwarded) == ("other", False)
    (listed,) = await server.ctx.db.fetch(OPEN_REPORTS, 10)
    assert (listed.reporter, listed.target) == (moderator.uri, server.alice.uri)
    assert listed.status_uris == [note]
    # Nobody is told: neither who is reported, nor, by an answer, who reports.
    assert await server.ctx.db.values(SENDERS) == []


async def test_a_report_may_name_a_post_alone(
    server: Server, peer: FakePeer, moderator: PeerActor
) -> None:
    note = await own_note(server, 7)
    flag = moderator.activity("Flag", 1, object=note)
    assert (await take(server, peer, moderator, flag)).outcome == "done"
    (report,) = await server.ctx.db.fetch(REPORTS)
    assert (report.target_id, report.status_ids, report.comment) == (server.alice.id, [7], "")


async def test_reports_about_others_and_the_same_again_are_not_kept(
    server: Server, peer: FakePeer, moderator: PeerActor
) -> None:
    await take(server, peer, moderator, mentioning(moderator, server.alice.uri, 1))
    about_others = moderator.activity("Flag", 2, object=[moderator.uri, f"{peer.base_url}/notes/1"])
    assert (await take(server, peer, moderator, about_others)).outcome == "ignored"
    about_nothing = moderator.activity("Flag", 3, object=f"{server.base_url}/users/nobody")
    assert (await take(server, peer, moderator, about_nothing)).outcome == "ignored"
    assert await server.ctx.db.fetch(REPORTS) == []


async def test_one_actor_cannot_flood_the_moderators(
    server: Server, peer: FakePeer, moderator: PeerActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedserver.effects.flag._MAX_A_DAY", 2)
    ends = []
    for number in range(3):
        flag = moderator.activity("Flag", number, object=server.alice.uri)
        ends.append((await take(server, peer, moderator, flag)).outcome)
    assert ends == ["done", "done", "refused"]


@pytest.fixture
async def world(server: Server) -> AsyncIterator[World]:
    """Give a client of the server."""
    async with TestClient(TestServer(make_application(server.ctx))) as client:
        yield World(server.ctx, client)


async def report(world: World, server: Server, **params: object) -> tuple[int, Json]:
    """Let Alice report."""
    token = await world.token(server.alice.id, "write:reports")
    headers = {"Authorization": f"Bearer {token}"}
    async with world.client.post("/api/v1/reports", json=params, headers=headers) as response:
        return response.status, orjson.loads(await response.read())


async def test_a_forwarded_report_is_the_instances_and_names_no_reporter(
    server: Server, peer: FakePeer, world: World
) -> None:
    mallory = peer.actor("mallory")
    await take(server, peer, mallory, mentioning(mallory, server.alice.uri, 1))
    target = await resolve.account(server.ctx, mallory.uri, Budget(1))
    note = await server.ctx.db.one(STATUS_BY_URI, f"{peer.base_url}/notes/1")
    assert note is not None
    status, shown = await report(
        world,
        server,
        account_id=str(target.id),
        status_ids=[str(note.id)],
        comment="Spam",
        category="spam",
        forward=True,
    )
    assert status == 200
    load_contract().check("POST", "/api/v1/reports", status, shown)
    assert (shown["category"], shown["forwarded"]) == ("spam", True)
    assert shown["status_ids"] == [str(note.id)]
    assert shown["target_account"]["id"] == str(target.id)
    await deliver(server)
    (sent,) = peer.received
    assert sent.path == "/users/mallory/inbox"
    flag = sent.document
    assert (flag["type"], flag["actor"]) == ("Flag", f"{server.base_url}/actor")
    assert flag["object"] == [mallory.uri, note.uri]
    assert flag["content"] == "Spam"
    assert b"alice" not in sent.body
    assert f"{server.base_url}/actor#main-key" in sent.headers["signature"]


async def test_what_is_not_forwarded_stays_here(
    server: Server, peer: FakePeer, world: World
) -> None:
    mallory = peer.actor("mallory")
    target = await resolve.account(server.ctx, mallory.uri, Budget(3))
    status, shown = await report(world, server, account_id=str(target.id))
    assert status == 200
    assert (shown["category"], shown["comment"], shown["forwarded"]) == ("other", "", False)
    # Somebody here is nobody else's business.
    status, shown = await report(world, server, account_id=str(server.alice.id), forward=True)
    assert (status, shown["forwarded"]) == (200, False)
    await deliver(server)
    assert peer.received == []


async def test_reports_that_cannot_be(server: Server, peer: FakePeer, world: World) -> None:
    target = await resolve.account(server.ctx, peer.actor("mallory").uri, Budget(3))
    await own_note(server, 7)
    account_id = str(target.id)
    refusals = [
        ({}, 422),
        ({"account_id": "1"}, 404),
        ({"account_id": account_id, "comment": "x" * 1001}, 422),
        ({"account_id": account_id, "category": "boring"}, 422),
        ({"account_id": account_id, "rule_ids": ["9"]}, 422),
        ({"account_id": account_id, "status_ids": ["7"]}, 404),
        ({"account_id": account_id, "collection_ids": ["7"]}, 404),
    ]
    for params, expected in refusals:
        status, _ = await report(world, server, **params)
        assert status == expected, params
    async with aiohttp.ClientSession() as session:
        url = f"{server.base_url}/api/v1/reports"
        async with session.post(url, json={"account_id": account_id}) as response:
            assert response.status == 401
    assert await server.ctx.db.fetch(REPORTS) == []

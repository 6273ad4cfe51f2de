"""What was answered 2xx survives SIGKILL, and happens once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from aiohttp import web

from fedserver.secrets import new_token, token_hash
from storage.server import connect_existing
from tests.conftest import unused_port
from tests.federation.fake_peer import FakePeer, PeerActor, Request, start_peer
from tests.resilience.server_process import ServerProcess, server_process
from tests.waiting import until

ACTIVITIES = 30
SCOPES = "read write follow push"


@dataclass(frozen=True, slots=True)
class Scene:
    """A server with Bob, and a peer with Mallory."""

    server: ServerProcess
    peer: FakePeer
    mallory: PeerActor
    database: asyncpg.Connection
    token: str

    async def api(self, method: str, path: str, **body: Any) -> Any:
        """Ask as Bob."""
        async with self.peer.session.request(
            method,
            self.server.base_url + path,
            json=body or None,
            headers={"Authorization": f"Bearer {self.token}"},
        ) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    peer_port = unused_port()
    async with (
        start_peer(peer_port) as peer,
        server_process(tmp_path, unused_port(), peer_port) as server,
    ):
        await server.make_user("bob")
        dsn = await connect_existing(tmp_path / "data")
        database = await asyncpg.connect(dsn)
        try:
            token = await sign_in(database)
            yield Scene(server, peer, peer.actor("mallory"), database, token)
        finally:
            await database.close()


async def sign_in(database: asyncpg.Connection) -> str:
    token, now = new_token(), datetime.now(UTC)
    await database.execute(
        """
        INSERT INTO oauth_applications (id, client_id, secret_hash, name, redirect_uris, scopes,
            created_at)
        VALUES (1, 'tests', $1, 'Tests', '{}', $2, $3)
        """,
        token_hash(new_token()),
        SCOPES,
        now,
    )
    await database.execute(
        """
        INSERT INTO oauth_tokens (id, token_hash, application_id, account_id, scopes, created_at)
        SELECT 1, $1, 1, account_id, $2, $3 FROM users
        """,
        token_hash(token),
        SCOPES,
        now,
    )
    return token


async def test_accepted_activities_outlive_the_process(scene: Scene) -> None:
    bob = f"{scene.server.base_url}/users/bob"
    inbox = f"{scene.server.base_url}/inbox"
    ledger = []
    # Nothing can be processed while this lock is held, so the kill comes in between for sure.
    async with scene.database.transaction():
        await scene.database.execute("LOCK TABLE statuses IN SHARE MODE")
        for number in range(ACTIVITIES):
            tag = [{"type": "Mention", "href": bob, "name": "@bob"}]
            note = scene.mallory.note(number, tag=tag, cc=[bob])
            create = scene.mallory.create(number, object=note, cc=[bob])
            answer = await scene.peer.post(inbox, create, actor=scene.mallory)
            assert answer.status == 202, answer
            ledger.append(note["id"])
        await scene.server.kill()
        settled = "SELECT count(*) FROM inbox_items WHERE outcome IS NOT NULL"
        assert await scene.database.fetchval(settled) == 0
    await scene.server.start()

    async def all_settled() -> bool:
        return bool(await scene.database.fetchval(settled) == ACTIVITIES)

    await until(all_settled, within_s=60)
    told = await scene.api("GET", "/api/v1/notifications?types[]=mention&limit=80")
    assert sorted(one["status"]["uri"] for one in told) == sorted(ledger)


async def test_a_post_is_delivered_although_the_process_dies(scene: Scene) -> None:
    await follow_bob(scene)
    hanging = asyncio.Event()

    async def never(_request: Request) -> web.StreamResponse:
        hanging.set()
        await asyncio.Event().wait()
        raise AssertionError

    scene.peer.received.clear()
    scene.peer.answer_inbox = never
    posted = await scene.api("POST", "/api/v1/statuses", status="Do not lose me")
    await hanging.wait()
    await scene.server.kill()
    scene.peer.answer_inbox = None
    scene.peer.received.clear()
    await scene.server.start()

    async def arrived() -> list[str]:
        bodies = [orjson.loads(request.body) for request in scene.peer.received]
        return [body["object"]["id"] for body in bodies if body["type"] == "Create"]

    assert await until(arrived, within_s=60) == [posted["uri"]]

    async def nothing_waits() -> bool:
        return bool(await scene.database.fetchval("SELECT count(*) FROM deliveries") == 0)

    await until(nothing_waits)


async def follow_bob(scene: Scene) -> None:
    bob = f"{scene.server.base_url}/users/bob"
    follow = scene.mallory.activity("Follow", 1_000, object=bob)
    answer = await scene.peer.post(f"{bob}/inbox", follow, actor=scene.mallory)
    assert answer.status == 202

    async def accepted() -> bool:
        return any(b'"Accept"' in request.body for request in scene.peer.received)

    await until(accepted)

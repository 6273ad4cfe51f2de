"""A server without its workers, so that tests see each step, and a fake peer that it may reach."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from fedserver.app import make_application, open_context
from fedserver.clock import Clock
from fedserver.config import (
    Config,
    DatabaseConfig,
    DataConfig,
    DevelopmentConfig,
    FederationConfig,
    InstanceConfig,
    ServerConfig,
)
from fedserver.context import Context
from fedserver.services import new_accounts, users
from fedserver.workers.delivery_worker import deliver_always, lease, run_lane
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.deliveries import INSERT_DELIVERIES, LaneStore
from storage.outbox import INSERT_ACTIVITY
from storage.query import Command, Query, Value
from tests.conftest import unused_port
from tests.federation.fake_peer import FakePeer, start_peer

MAX_DOCUMENT_BYTES = 65_536
PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A stored activity and how it ended."""

    activity_uri: str
    actor_uri: str
    type: str
    body: bytes
    attempts: int
    next_try_at: datetime
    outcome: str | None
    reason: str | None


ITEMS = Query(
    """
    SELECT activity_uri, actor_uri, type, body, attempts, next_try_at, outcome, reason
    FROM inbox_items ORDER BY id
    """,
    ItemRow,
)
KNOWN_ACTORS = Value("SELECT count(*) FROM accounts WHERE domain IS NOT NULL", int)
SUSPEND = Command("UPDATE accounts SET suspended_at = now() WHERE uri = $1")


@dataclass(frozen=True, slots=True)
class Server:
    """A server on loopback whose workers do not run."""

    ctx: Context
    alice: AccountRow

    @property
    def base_url(self) -> str:
        return self.ctx.config.base_url

    @property
    def shared_inbox(self) -> str:
        return f"{self.base_url}/inbox"

    async def items(self) -> list[ItemRow]:
        """Give all that is in the inbox."""
        return await self.ctx.db.fetch(ITEMS)


def make_config(dsn: str, folder: Path, *peers: FakePeer, **federation: Any) -> Config:
    """Give the settings of a server that may reach `peers`."""
    port = unused_port()
    addresses = {peer.host: peer.host.replace("localhost", "127.0.0.1") for peer in peers}
    folder.mkdir(parents=True, exist_ok=True)
    return Config(
        instance=InstanceConfig(domain=f"localhost:{port}"),
        server=ServerConfig(port=port),
        database=DatabaseConfig(url=dsn, pool_max=8),
        data=DataConfig(folder=folder),
        federation=FederationConfig(max_document_bytes=MAX_DOCUMENT_BYTES, **federation),
        development=DevelopmentConfig(
            reachable_addresses=tuple(addresses.values()),
            host_map=addresses,
            rate_limits=False,
        ),
    )


@asynccontextmanager
async def serve(config: Config, *, clock: Clock | None = None) -> AsyncIterator[Server]:
    """Run a server with one person, and without its workers."""
    async with open_context(config, clock=clock) as ctx:
        await new_accounts.ensure_instance_actor(ctx)
        alice_id = await users.create_user(ctx, "alice", "alice@mail.example", PASSWORD)
        alice = await ctx.db.one(ACCOUNT_BY_ID, alice_id)
        assert alice is not None
        runner = web.AppRunner(make_application(ctx), access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", config.server.port).start()
        try:
            yield Server(ctx, alice)
        finally:
            await runner.cleanup()


@dataclass(frozen=True, slots=True)
class HostRow:
    """A lane, as the database has it."""

    dialect: str
    failures: int
    last_error: str | None
    leased_until: datetime | None
    next_try_at: datetime | None
    gone_at: datetime | None


HOST = Query(
    """
    SELECT dialect, failures, last_error, leased_until, next_try_at, gone_at
    FROM hosts WHERE host = $1
    """,
    HostRow,
)
WAITING = Value("SELECT count(*) FROM deliveries", int)
DUE_NOW = Command("UPDATE hosts SET next_try_at = '2020-01-01' WHERE next_try_at IS NOT NULL")
NOT_HEARD_LATELY = Command("UPDATE hosts SET last_success_at = '2020-01-01'")


async def lane_of(server: Server, peer: FakePeer) -> HostRow:
    row = await server.ctx.db.one(HOST, peer.host)
    assert row is not None
    return row


async def waiting(server: Server) -> int:
    return await server.ctx.db.value(WAITING) or 0


async def send(
    server: Server, *inboxes: str, count: int = 1, author: AccountRow | None = None
) -> list[str]:
    """Write activities and their deliveries, as an act does; give the ids of the activities."""
    ctx, sender = server.ctx, author or server.alice
    uris = []
    async with ctx.db.transaction() as tx:
        for _ in range(count):
            number = ctx.ids.new()
            uri = f"{server.base_url}/activities/{number}"
            document = orjson.dumps({"id": uri, "type": "Like", "actor": sender.uri})
            now = ctx.clock.now()
            await tx.execute(
                INSERT_ACTIVITY,
                *(number, uri, sender.id, "Like", document, False, None, now),
                *(False, list(inboxes)),
            )
            hosts = [inbox.split("/")[2] for inbox in inboxes]
            await tx.execute(INSERT_DELIVERIES, number, list(inboxes), hosts, now)
            uris.append(uri)
    return uris


async def deliver(server: Server) -> None:
    """Run every lane that is due, once."""
    lanes = LaneStore(server.ctx.db)
    for lane, rows in await lease(server.ctx, 50):
        await run_lane(server.ctx, lanes, lane, rows)


async def deliver_when_due_again(server: Server) -> None:
    await server.ctx.db.execute(DUE_NOW)
    await deliver(server)


@asynccontextmanager
async def delivering(ctx: Context) -> AsyncIterator[None]:
    """Run the worker, and what it listens to, until the end of the block."""
    tasks = [asyncio.create_task(deliver_always(ctx)), asyncio.create_task(ctx.events.run())]
    try:
        yield
        assert not tasks[0].done(), "the worker ended"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def inbox(peer: FakePeer) -> str:
    """Give the shared inbox of `peer`."""
    return f"{peer.base_url}/inbox"


@pytest.fixture
async def peer() -> AsyncIterator[FakePeer]:
    """Give a peer with nobody on it."""
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Server]:
    """Give a server that may reach `peer`."""
    async with serve(make_config(database_dsn, tmp_path / "here", peer)) as started:
        yield started

"""`python -m benchmarks.streams`: what it costs to tell many listeners of a post at once.

Signed-in people, each with a WebSocket of their own on the public stream, and one who posts. There
is no bare server to compare with: the figures are for this machine.
"""

import argparse
import asyncio
import hashlib
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from benchmarks.fedserver_side import FedserverSide
from benchmarks.samples import percentile
from benchmarks.sides import Outside

_HEARD_WITHIN_S = 120
_OPENED_AT_ONCE = 50
_ACCOUNTS = """
    INSERT INTO accounts (id, uri, username, url, inbox_url, created_at)
    SELECT n, 'http://here/users/p' || n, 'p' || n, 'http://here/@p' || n, 'http://here/inbox', $2
    FROM generate_series(1, $1::bigint) n
"""
_USERS = """
    INSERT INTO users (account_id, email, password_hash, confirmed_at, approved_at, created_at,
        last_active_at)
    SELECT n, n || '@here.test', 'x', $2, $2, $2, $2 FROM generate_series(1, $1::bigint) n
"""
_APPLICATION = """
    INSERT INTO oauth_applications
        (id, client_id, secret_hash, name, redirect_uris, scopes, created_at)
    VALUES (1, 'benchmark', '', 'benchmark', '{}', 'read write', $1)
"""
_TOKENS = """
    INSERT INTO oauth_tokens (id, token_hash, application_id, account_id, scopes, created_at)
    SELECT place, hash, 1, place, 'read write', $2
    FROM unnest($1::bytea[]) WITH ORDINALITY AS t (hash, place)
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was seen of one number of listeners."""

    listeners: int
    posts: int
    seconds: float
    delays_s: list[float]
    server_ms: float
    database_ms: float

    def line(self) -> str:
        told = self.listeners * self.posts
        return (
            f"| {self.listeners} | {self.posts / self.seconds:.1f} | {told / self.seconds:.0f} "
            f"| {percentile(self.delays_s, 0.5) * 1000:.0f} "
            f"| {percentile(self.delays_s, 0.99) * 1000:.0f} "
            f"| {self.server_ms / self.posts:.1f} | {self.database_ms / self.posts:.1f} |"
        )


async def measure(listeners: int, posts: int) -> Figures:
    """Start a server, let `listeners` listen, post, and wait each time until all have heard."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        side = FedserverSide(_open_to_all(Path(name)), Outside(1, 2, None, [], []))
        async with AsyncExitStack() as stack:
            await side.server.start()
            stack.push_async_callback(side.server.stop)
            tokens = await _seed(side, listeners)
            session = await stack.enter_async_context(_session())
            base_url = f"http://127.0.0.1:{side.server.port}"
            sockets = await _listen(stack, session, base_url, tokens)
            return await _post(side, session, base_url, tokens[0], sockets, posts)


def _open_to_all(folder: Path) -> Path:
    """As root, PostgreSQL runs as somebody else."""
    folder.chmod(0o755)
    return folder


async def _seed(side: FedserverSide, count: int) -> list[str]:
    now = datetime.now(UTC)
    tokens = [f"token-{number}" for number in range(count)]
    hashes = [hashlib.sha256(one.encode()).digest() for one in tokens]
    async with side.server.database() as connection:
        await connection.execute(_ACCOUNTS, count, now)
        await connection.execute(_USERS, count, now)
        await connection.execute(_APPLICATION, now)
        await connection.execute(_TOKENS, hashes, now)
        await connection.execute("ANALYZE")
    return tokens


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))


async def _listen(
    stack: AsyncExitStack, session: aiohttp.ClientSession, base_url: str, tokens: list[str]
) -> list[Any]:
    sockets: list[Any] = []
    for start in range(0, len(tokens), _OPENED_AT_ONCE):
        opening = (
            session.ws_connect(
                f"{base_url}/api/v1/streaming?stream=public",
                headers={"Authorization": f"Bearer {token}"},
                autoping=True,
            )
            for token in tokens[start : start + _OPENED_AT_ONCE]
        )
        sockets += await asyncio.gather(*opening)
    for socket in sockets:
        stack.push_async_callback(socket.close)
    return sockets


async def _post(
    side: FedserverSide,
    session: aiohttp.ClientSession,
    base_url: str,
    token: str,
    sockets: list[Any],
    posts: int,
) -> Figures:
    bearer, delays = {"Authorization": f"Bearer {token}"}, []
    before, began = side.server.meter.cpu(), time.perf_counter()
    for number in range(posts):
        hearing = [asyncio.create_task(_heard(one)) for one in sockets]
        posted_at = time.perf_counter()
        async with session.post(
            f"{base_url}/api/v1/statuses", json={"status": f"Post {number}"}, headers=bearer
        ) as answer:
            answer.raise_for_status()
        async with asyncio.timeout(_HEARD_WITHIN_S):
            delays += [at - posted_at for at in await asyncio.gather(*hearing)]
    seconds = time.perf_counter() - began
    used = side.server.meter.cpu() - before
    return Figures(len(sockets), posts, seconds, delays, used.server_ms, used.database_ms)


async def _heard(socket: Any) -> float:
    while True:
        message = await socket.receive()
        if orjson.loads(message.data)["event"] == "update":
            return time.perf_counter()


def main() -> None:
    """Measure what the command line asks for, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streams", description=__doc__)
    parser.add_argument("--listeners", type=int, nargs="+", default=[1, 100, 1_000])
    parser.add_argument("--posts", type=int, default=30)
    options = parser.parse_args()
    print("| listeners | posts/s | messages/s | p50 ms | p99 ms | server ms | database ms |")
    print("|---|---|---|---|---|---|---|")
    for listeners in options.listeners:
        print(asyncio.run(measure(listeners, options.posts)).line(), flush=True)


if __name__ == "__main__":
    main()

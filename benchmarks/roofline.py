"""The least server that does the measured jobs, with fedserver's libraries and database.

No rooms, no permissions, no options: what it costs is what nobody can avoid. It trusts its input
and is good for nothing else.
"""

import argparse
import asyncio
import hashlib
import html
import itertools
import signal
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import uvloop
from aiohttp import web

from benchmarks import roofline_sql as sql
from benchmarks.content import PUBLIC, actor_document
from benchmarks.roofline_delivery import Deliveries, open_session
from benchmarks.roofline_entities import status
from benchmarks.roofline_inbox import Inbox
from storage.server import EmbeddedPostgres

_PAGE = 40
_ACTIVITY_JSON = "application/activity+json"
_NEW_STATUS = {
    "visibility": "public",
    "replies_count": 0,
    "reblogs_count": 0,
    "favourites_count": 0,
}


class Roofline:
    """The handlers."""

    def __init__(self, pool: asyncpg.Pool, base_url: str, deliveries: Deliveries) -> None:
        self._pool = pool
        self._base_url = base_url
        self._deliveries = deliveries
        self._numbers = itertools.count()
        self._ready_bytes: dict[int, bytes] = {}
        self._actors: dict[str, bytes] = {}
        self._jrds: dict[str, bytes] = {}

    def new_id(self) -> int:
        return int(time.time() * 1000) << 16 | next(self._numbers) & 0xFFFF

    def routes(self, inbox: Inbox) -> list[web.RouteDef]:
        return [
            web.post("/inbox", inbox.receive),
            web.get("/api/v1/timelines/home", self.home),
            web.get("/ready_bytes/home", self.home_of_ready_bytes),
            web.get("/api/v1/timelines/public", self.public),
            web.get("/api/v1/statuses/{id}", self.status),
            web.post("/api/v1/statuses", self.post_status),
            web.get("/users/{name}", self.actor),
            web.get("/.well-known/webfinger", self.webfinger),
        ]

    async def home(self, request: web.Request) -> web.Response:
        """Token, one query of joined rows, entities built from rows, orjson."""
        rows = await self._pool.fetch(sql.HOME, await self._caller(request), _PAGE)
        return _json(orjson.dumps([status(row) for row in rows]))

    async def home_of_ready_bytes(self, request: web.Request) -> web.Response:
        """Token, one query of ids, bytes that were made before."""
        rows = await self._pool.fetch(sql.HOME_IDS, await self._caller(request), _PAGE)
        ids = [row["status_id"] for row in rows]
        await self._make_ready([one for one in ids if one not in self._ready_bytes])
        return _json(b"[" + b",".join([self._ready_bytes[one] for one in ids]) + b"]")

    async def _make_ready(self, ids: list[int]) -> None:
        if ids:
            for row in await self._pool.fetch(sql.STATUSES, ids):
                self._ready_bytes[row["id"]] = orjson.dumps(status(row))

    async def public(self, request: web.Request) -> web.Response:
        rows = await self._pool.fetch(sql.PUBLIC, _PAGE)
        return _json(orjson.dumps([status(row) for row in rows]))

    async def status(self, request: web.Request) -> web.Response:
        row = await self._pool.fetchrow(sql.STATUSES, [int(request.match_info["id"])])
        if row is None:
            raise web.HTTPNotFound
        return _json(orjson.dumps(status(row)))

    async def post_status(self, request: web.Request) -> web.Response:
        """Token with its account, one statement with one commit, the entity of what it wrote."""
        account = await self._pool.fetchrow(sql.ACCOUNT_OF_TOKEN, _token_hash(request))
        if account is None:
            raise web.HTTPUnauthorized
        content = f"<p>{html.escape(orjson.loads(await request.read())['status'])}</p>"
        number, now = self.new_id(), datetime.now(UTC)
        uri = f"{account['account_uri']}/statuses/{number}"
        url = f"{account['account_url']}/{number}"
        document = _create(account["account_uri"], uri, content, now)
        written = (number, uri, url, account["account_id"], content, now, document)
        await self._pool.execute(sql.POST_STATUS, *written)
        self._deliveries.wake()
        row = {
            **account,
            **_NEW_STATUS,
            "id": number,
            "uri": uri,
            "url": url,
            "content": content,
            "created_at": now,
        }
        return _json(orjson.dumps(status(row)))

    async def actor(self, request: web.Request) -> web.Response:
        body = self._actors.get(request.match_info["name"])
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type=_ACTIVITY_JSON)

    async def webfinger(self, request: web.Request) -> web.Response:
        body = self._jrds.get(request.query.get("resource", ""))
        if body is None:
            raise web.HTTPNotFound
        return web.Response(body=body, content_type="application/jrd+json")

    async def learn_local_accounts(self) -> None:
        """Keep the documents of the people here in memory."""
        host = self._base_url.partition("://")[2]
        for row in await self._pool.fetch(sql.LOCAL_ACCOUNTS):
            key = await self._pool.fetchrow(sql.KEY, f"{row['uri']}#main-key")
            document = actor_document(row["uri"], key["public_key"])
            self._actors[row["username"]] = orjson.dumps(document)
            subject = f"acct:{row['username']}@{host}"
            self._jrds[subject] = orjson.dumps(
                {
                    "subject": subject,
                    "aliases": [row["uri"]],
                    "links": [{"rel": "self", "type": _ACTIVITY_JSON, "href": row["uri"]}],
                }
            )

    async def _caller(self, request: web.Request) -> int:
        account_id = await self._pool.fetchval(sql.TOKEN, _token_hash(request))
        if account_id is None:
            raise web.HTTPUnauthorized
        return int(account_id)


def _token_hash(request: web.Request) -> bytes:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    return hashlib.sha256(token.encode()).digest()


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _create(actor: str, uri: str, content: str, now: datetime) -> bytes:
    published = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    to, cc = [PUBLIC], [f"{actor}/followers"]
    note = {
        "id": uri,
        "type": "Note",
        "attributedTo": actor,
        "content": content,
        "published": published,
        "to": to,
        "cc": cc,
    }
    return orjson.dumps(
        {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": f"{uri}/activity",
            "type": "Create",
            "actor": actor,
            "published": published,
            "to": to,
            "cc": cc,
            "object": note,
        }
    )


@asynccontextmanager
async def _serving(options: argparse.Namespace) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        dsn = await stack.enter_async_context(EmbeddedPostgres(options.data))
        pool = await stack.enter_async_context(
            asyncpg.create_pool(dsn, min_size=1, max_size=12, reset=_keep)
        )
        await pool.execute(sql.SCHEMA)
        session = open_session(options.plain_port, options.tls_port, options.ca_file)
        await stack.enter_async_context(session)
        deliveries = Deliveries(pool, session)
        server = Roofline(pool, options.base_url, deliveries)
        inbox = Inbox(pool, server.new_id)
        await server.learn_local_accounts()
        await stack.enter_async_context(_listening(server.routes(inbox), options.port))
        jobs = (inbox.run_commits(), inbox.run_processing(), deliveries.run())
        await stack.enter_async_context(_in_background(jobs))
        yield


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is: by default four statements more follow each of ours."""


@asynccontextmanager
async def _listening(routes: list[web.RouteDef], port: int) -> AsyncIterator[None]:
    app = web.Application(client_max_size=1 << 20)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, keepalive_timeout=75)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _in_background(jobs: Iterable[Any]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with _serving(options):
        await stop.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--plain-port", type=int, required=True)
    parser.add_argument("--tls-port", type=int, required=True)
    parser.add_argument("--ca-file", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(_run(_options()))

"""A server of the whole client API over a real database, for tests that write."""

import importlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import aiohttp
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image

from fedserver.clock import FixedClock
from fedserver.context import Context
from fedserver.routing import CONTEXT, all_endpoints, mount
from fedserver.routing.middleware import middlewares, serve_heads
from storage.blobs import BlobFolder
from storage.query import Command, Value
from tests.mastodon.world import World

_LOCK_PROFILE = Command("UPDATE accounts SET locked = true WHERE id = $1")
_SENT = Value(
    """
    SELECT o.document FROM outbox_activities o JOIN deliveries d ON d.activity_id = o.id
    WHERE d.inbox_url = $1 ORDER BY o.created_at, o.id
    """,
    bytes,
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in."""

    id: int
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said."""

    status: int
    body: Any
    headers: dict[str, str]


class Here(World):
    """The instance under test: makes people, and sends their requests."""

    @property
    def clock(self) -> FixedClock:
        return cast(FixedClock, self.ctx.clock)

    async def person(
        self, name: str, *, locked: bool = False, scopes: str = "read write"
    ) -> Person:
        account_id = await self.user(name)
        if locked:
            await self.ctx.db.execute(_LOCK_PROFILE, account_id)
        return Person(account_id, name, await self.token(account_id, scopes))

    async def send(
        self, method: str, path: str, person: Person | None = None, **options: Any
    ) -> Reply:
        """Send a request: `json`, `data`, `params` and `headers` as aiohttp takes them."""
        headers = dict(options.pop("headers", {}))
        if person is not None:
            headers["Authorization"] = f"Bearer {person.token}"
        async with self.client.request(method, path, headers=headers, **options) as response:
            is_json = response.content_type == "application/json"
            body = orjson.loads(await response.read()) if is_json else await response.read()
            return Reply(response.status, body, dict(response.headers))

    async def do(self, method: str, path: str, person: Person, **options: Any) -> Any:
        """Send a request that must succeed, and give its body."""
        reply = await self.send(method, path, person, **options)
        assert reply.status == 200, reply
        return reply.body

    async def post(self, person: Person, text: str = "Hello", **fields: Any) -> Any:
        """Post a status."""
        return await self.do("POST", "/api/v1/statuses", person, json={"status": text, **fields})

    async def refusal(
        self, method: str, path: str, person: Person, **options: Any
    ) -> tuple[int, str]:
        """Send a request that must fail, and give the status and text of the error."""
        reply = await self.send(method, path, person, **options)
        assert reply.status >= 400, reply
        return reply.status, reply.body["error"]

    async def sent_to(self, inbox_url: str) -> list[Any]:
        """Give the activities that wait for an inbox, the oldest first."""
        return [orjson.loads(one) for one in await self.ctx.db.values(_SENT, inbox_url)]

    async def count(self, table: str) -> int:
        return await self.ctx.db.value(Value(f"SELECT count(*) FROM {table}", int)) or 0


@pytest.fixture(name="here")
async def here_fixture(ctx: Context, tmp_path: Path) -> AsyncIterator[Here]:
    """Give an instance without people, behind a real HTTP server."""
    ctx = replace(ctx, blobs=BlobFolder(tmp_path / "media"))
    importlib.import_module("fedserver.mastodon")
    app = web.Application(middlewares=middlewares(ctx), client_max_size=20 * 1024 * 1024)
    app[CONTEXT] = ctx
    mount(app, [one for one in all_endpoints() if ".mastodon." in one.handler.__module__])
    serve_heads(app)
    async with TestClient(TestServer(app)) as client:
        yield Here(ctx, client)


def picture(size: tuple[int, int] = (60, 30), kind: str = "PNG") -> bytes:
    """Give an image file."""
    out = BytesIO()
    Image.new("RGB", size, (200, 30, 30)).save(out, kind)
    return out.getvalue()


def form_with_file(name: str, data: bytes, **fields: str) -> aiohttp.FormData:
    """Give a multipart body. The declared type is a lie, since nobody may believe it."""
    form = aiohttp.FormData()
    form.add_field(name, data, filename="upload.bin", content_type="application/x-whatever")
    for key, value in fields.items():
        form.add_field(key, value)
    return form

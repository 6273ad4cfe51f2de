"""A peer's server that means no good, and an instance whose way out leads to it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import web

from fedserver.config import MediaConfig
from fedserver.context import Context
from fedserver.outgoing import Outgoing
from fedserver.routing import CONTEXT
from tests.mastodon.write_fixtures import Here, picture

KEY = b"a key of thirty-two bytes, really"
MOST = 200_000


@dataclass
class Origin:
    """A peer's server: what it answers under which path, and how often it was asked."""

    url: str = ""
    answers: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        if request.path == "/endless":
            return await _endless(request)
        if request.path == "/slow":
            await self.answered.wait()
        if request.path not in self.answers:
            return web.Response(status=404)
        body, content_type = self.answers[request.path]
        return web.Response(body=body, headers={"Content-Type": content_type})


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "image/png"})
    await response.prepare(request)
    await response.write(picture())
    while True:
        await response.write(b"\0" * 65_536)


@pytest.fixture(name="origin")
async def origin_fixture() -> AsyncIterator[Origin]:
    origin = Origin()
    app = web.Application()
    app.router.add_get("/{path:.*}", origin.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    origin.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield origin
    await runner.cleanup()


@pytest.fixture(name="proxying")
async def proxying_fixture(here: Here, origin: Origin) -> AsyncIterator[Here]:
    """Give the instance with a way out, to the origin only, and the proxy on."""
    out = Outgoing(
        user_agent="test",
        plain_http=True,
        reachable_addresses=frozenset({origin.url.removeprefix("http://")}),
        host_map={},
        ca_file=None,
        clock=here.ctx.clock,
    )
    media = MediaConfig(max_remote_bytes=MOST, cache_bytes=1_048_576)
    config = replace(here.ctx.config, media=media)
    async with out:
        ctx: Context = replace(here.ctx, out=out, media_key=KEY, config=config)
        here.client.app._state[CONTEXT] = ctx  # type: ignore[union-attr]  # one of ours
        yield Here(ctx, here.client)

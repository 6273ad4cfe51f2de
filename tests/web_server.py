"""The pages and OAuth endpoints on a real port, over a real database, with a clock to move."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import orjson
from aiohttp import web

import fedserver.oauth
import fedserver.web
from fedserver.bytes_cache import BytesCache
from fedserver.clock import FixedClock
from fedserver.config import Config, DevelopmentConfig, InstanceConfig, ServerConfig
from fedserver.context import Context
from fedserver.domain_rules import DomainRules
from fedserver.events import Events
from fedserver.ids import IdMaker
from fedserver.key_pool import KeyCache, KeyPool
from fedserver.rate_limits import RateLimiter
from fedserver.routing import CONTEXT, all_endpoints, mount
from fedserver.routing.middleware import middlewares, serve_heads
from fedserver.secrets import Secrets
from fedserver.services import users
from fedserver.timed_cache import TimedCache
from fedserver.viewer_filters import ViewerFilters
from storage.database import Database

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
OOB = "urn:ietf:wg:oauth:2.0:oob"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gave."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def location_query(self) -> dict[str, str]:
        query = urlsplit(self.location).query
        return {name: values[0] for name, values in parse_qs(query).items()}


class Site:
    """A running server and one browser."""

    def __init__(self, ctx: Context, clock: FixedClock, session: aiohttp.ClientSession) -> None:
        self.ctx = ctx
        self.clock = clock
        self.session = session

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        """Ask; redirects are not followed."""
        url = self.ctx.config.base_url + path
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> Answer:
        return await self.request("POST", path, **options)

    async def submit(self, page: Answer, form: int = 0, /, **filled: str) -> Answer:
        """Send a form of `page` with `filled` over what it holds."""
        action, fields = forms_of(page.text)[form]
        return await self.post(action, data=fields | filled)

    async def user(self, name: str = "alice", **options: Any) -> int:
        """Make a user."""
        return await users.create_user(self.ctx, name, f"{name}@mail.example", PASSWORD, **options)

    async def sign_in(self, name: str = "alice", password: str = PASSWORD) -> Answer:
        """Sign the browser in through the form."""
        return await self.submit(await self.get("/auth/sign_in"), email=name, password=password)

    async def app(self, redirect_uris: str = OOB, scopes: str = "read write follow push") -> Json:
        """Register an application."""
        answer = await self.post(
            "/api/v1/apps",
            data={"client_name": "Test", "redirect_uris": redirect_uris, "scopes": scopes},
        )
        assert answer.status == 200, answer.text
        registered: Json = answer.json
        return registered

    async def code(self, app: Json, scope: str = "read", **more: str) -> str:
        """Let the application in and give the code."""
        page = await self.get(authorize_path(app, scope=scope, **more))
        assert page.status == 200, page.text
        return (await self.submit(page)).location_query["code"]

    async def exchange(self, app: Json, code: str, **more: str) -> Answer:
        """Exchange a code as clients do."""
        fields = {
            "grant_type": "authorization_code",
            "client_id": app["client_id"],
            "client_secret": app["client_secret"],
            "redirect_uri": app["redirect_uris"][0],
            "code": code,
        }
        return await self.post("/oauth/token", data=fields | more)

    async def token(self, app: Json, scope: str = "read") -> str:
        """Give an access token of who is signed in."""
        answer = await self.exchange(app, await self.code(app, scope))
        assert answer.status == 200, answer.text
        return str(answer.json["access_token"])


def authorize_path(app: Json, **more: str) -> str:
    query = {
        "response_type": "code",
        "client_id": app["client_id"],
        "redirect_uri": app["redirect_uris"][0],
    }
    return f"/oauth/authorize?{urlencode(query | more)}"


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((values["action"], {}))
        elif tag == "input" and (values.get("type") != "checkbox" or "checked" in values):
            self.forms[-1][1][values["name"]] = values.get("value", "")


def forms_of(html: str) -> list[tuple[str, dict[str, str]]]:
    """Give the action and fields of each form."""
    parser = _Forms()
    parser.feed(html)
    assert parser.forms, html
    return parser.forms


def shown_text(html: str) -> str:
    """Give a page without its tags."""
    return unescape(re.sub(r"<[^>]+>", " ", html))


@asynccontextmanager
async def serve(
    db: Database,
    port: int,
    *,
    rate_limits: bool = False,
    sections: Mapping[str, Any] | None = None,
    **server: Any,
) -> AsyncIterator[Site]:
    """Run the server until the end of the block; `sections` are parts of its configuration."""
    clock = FixedClock(START)
    ctx = make_context(db, clock, port, rate_limits=rate_limits, sections=sections, **server)
    app = web.Application(middlewares=middlewares(ctx))
    app[CONTEXT] = ctx
    mount(app, all_endpoints())
    fedserver.web.add_static(app)
    serve_heads(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        async with new_browser() as session:
            yield Site(ctx, clock, session)
    finally:
        await runner.cleanup()
        ctx.key_pool.close()


def new_browser() -> aiohttp.ClientSession:
    """Give a browser without cookies that asks for pages."""
    return aiohttp.ClientSession(headers={"Accept": "text/html,*/*;q=0.8"})


def make_context(
    db: Database,
    clock: FixedClock,
    port: int,
    *,
    rate_limits: bool,
    sections: Mapping[str, Any] | None = None,
    **server: Any,
) -> Context:
    # What the pages do not use is absent on purpose.
    parts: dict[str, Any] = dict.fromkeys(Context.__dataclass_fields__)
    parts |= {
        "config": Config(
            instance=InstanceConfig(domain=f"localhost:{port}", title="Test House"),
            server=ServerConfig(port=port, **server),
            development=DevelopmentConfig(rate_limits=rate_limits),
            **(sections or {}),
        ),
        "db": db,
        "domains": DomainRules("open", f"localhost:{port}"),
        "clock": clock,
        "ids": IdMaker(clock),
        "secrets": Secrets(b"0" * 32, clock),
        "key_pool": KeyPool(1),
        "key_cache": KeyCache(),
        "viewer_filters": ViewerFilters(clock),
        "own_keys": TimedCache(clock, keep_s=30, max_entries=100),
        "events": Events(db),
        "rate_limiter": RateLimiter(clock, enabled=rate_limits),
        "entity_cache": BytesCache(1_000_000),
    }
    return Context(**parts)


__all__ = ["OOB", "PASSWORD", "START", "Answer", "Site", "authorize_path", "forms_of", "serve"]

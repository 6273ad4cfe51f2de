"""Whole instances for tests: own database, own port on loopback, real HTTP between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from fedserver.app import open_context, running
from fedserver.config import (
    Config,
    DatabaseConfig,
    DataConfig,
    DevelopmentConfig,
    InstanceConfig,
    KitsConfig,
    NetworkConfig,
    ServerConfig,
)
from fedserver.context import Context
from fedserver.secrets import new_token, token_hash
from fedserver.services import users
from storage.oauth import INSERT_APPLICATION, INSERT_TOKEN

PASSWORD = "correct horse battery staple"
SCOPES = "read write follow push profile"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request gave."""

    status: int
    body: Any
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """A signed-in person of an instance."""

    instance: "Instance"
    name: str
    account_id: int
    token: str

    @property
    def acct(self) -> str:
        return f"{self.name}@{self.instance.domain}"

    async def do(self, method: str, path: str, **body: Any) -> Any:
        """Give the body of any request that must answer 200."""
        answer = await self.instance.request(method, path, token=self.token, body=body)
        assert answer.status == 200, answer
        return answer.body

    async def get(self, path: str, **query: Any) -> Any:
        """Give the body of a GET that must answer 200."""
        answer = await self.instance.request("GET", path, token=self.token, query=query)
        assert answer.status == 200, answer
        return answer.body

    async def post(self, path: str, **body: Any) -> Any:
        """Give the body of a POST that must answer 200."""
        answer = await self.instance.request("POST", path, token=self.token, body=body)
        assert answer.status == 200, answer
        return answer.body

    async def put(self, path: str, **body: Any) -> Any:
        """Give the body of a PUT that must answer 200."""
        answer = await self.instance.request("PUT", path, token=self.token, body=body)
        assert answer.status == 200, answer
        return answer.body

    async def delete(self, path: str) -> Any:
        """Give the body of a DELETE that must answer 200."""
        answer = await self.instance.request("DELETE", path, token=self.token)
        assert answer.status == 200, answer
        return answer.body


@dataclass(frozen=True, slots=True)
class Instance:
    """A running server and a client session to talk to it."""

    ctx: Context
    session: aiohttp.ClientSession
    application_id: int

    @property
    def domain(self) -> str:
        return self.ctx.config.instance.domain

    @property
    def base_url(self) -> str:
        return self.ctx.config.base_url

    @property
    def address(self) -> str:
        """Where it listens, whatever its name is."""
        return f"http://localhost:{self.ctx.config.server.port}"

    async def person(self, name: str) -> Person:
        """Make an account and sign it in."""
        account_id = await users.create_user(self.ctx, name, f"{name}@mail.example", PASSWORD)
        return await signed_in(self, name, account_id)

    async def request(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask this instance something over HTTP."""
        url = path if path.startswith("http") else self.address + path
        sent = {"Host": self.domain, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        async with self.session.request(
            method, url, params=query, json=body, headers=sent, allow_redirects=False
        ) as response:
            is_json = "json" in response.content_type
            content = await (response.json(content_type=None) if is_json else response.text())
            return Answer(response.status, content, dict(response.headers))


async def signed_in(instance: Instance, name: str, account_id: int) -> Person:
    """Give somebody who has an account a token."""
    token = new_token()
    await instance.ctx.db.execute(
        INSERT_TOKEN,
        instance.ctx.ids.new(),
        token_hash(token),
        instance.application_id,
        account_id,
        SCOPES,
        instance.ctx.clock.now(),
    )
    return Person(instance, name, account_id, token)


@asynccontextmanager
async def start_instance(
    dsn: str,
    folder: Path,
    port: int,
    *,
    peers: tuple[int, ...] = (),
    domain: str = "",
    alternates: tuple[str, ...] = (),
    network: NetworkConfig | None = None,
    kits: KitsConfig | None = None,
    **development: Any,
) -> AsyncIterator[Instance]:
    """Run an instance on loopback that may reach the ports `peers`."""
    folder.mkdir(parents=True, exist_ok=True)
    defaults: dict[str, Any] = {
        "reachable_addresses": tuple(f"127.0.0.1:{peer}" for peer in peers),
        "host_map": {f"localhost:{peer}": f"127.0.0.1:{peer}" for peer in peers},
        "rate_limits": False,
    }
    config = Config(
        instance=InstanceConfig(domain=domain or f"localhost:{port}"),
        server=ServerConfig(port=port, alternates=alternates),
        network=network or NetworkConfig(),
        database=DatabaseConfig(url=dsn, pool_max=8),
        data=DataConfig(folder=folder),
        kits=kits or KitsConfig(),
        development=DevelopmentConfig(**defaults | development),
    )
    async with (
        open_context(config) as ctx,
        running(ctx),
        aiohttp.ClientSession() as session,
    ):
        yield Instance(ctx, session, await application_of(ctx))


async def application_of(ctx: Context) -> int:
    """Register a client, and give its number."""
    application_id = ctx.ids.new()
    await ctx.db.execute(
        INSERT_APPLICATION,
        application_id,
        f"client-{application_id}",
        token_hash(new_token()),
        "Tests",
        "https://client.example",
        ["urn:ietf:wg:oauth:2.0:oob"],
        SCOPES,
        ctx.clock.now(),
    )
    return application_id

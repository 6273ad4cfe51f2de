"""A sample person: an account, a token, and the client API to act through, like any client."""

import json
from dataclasses import dataclass
from typing import Any

from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.secrets import new_token, token_hash
from fedserver.services import users
from storage.oauth import INSERT_APPLICATION, INSERT_TOKEN

_SCOPES = "read write follow push"


class DemoFailed(FedserverError):
    """The demo asked for something and did not get it."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody to act as."""

    ctx: Context
    name: str
    password: str
    token: str

    @property
    def handle(self) -> str:
        return f"@{self.name}@{self.ctx.config.instance.domain}"

    @property
    def email(self) -> str:
        return f"{self.name}@demo.example"

    async def call(self, method: str, path: str, **params: Any) -> Any:
        """Call the client API of the person's own instance over HTTP, and give the JSON answer."""
        response = await self.ctx.out.request(
            method,
            self.ctx.config.base_url + path,
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
            },
            body=json.dumps(params).encode(),
        )
        if response.status != 200:
            raise DemoFailed(f"{method} {path}: {response.status} {response.body.decode()}")
        return json.loads(response.body)

    async def find(self, other: "Person") -> str:
        """Give the local id of another person, wherever they are."""
        handle = other.handle.removeprefix("@").replace("@", "%40")
        found = await self.call("GET", f"/api/v2/search?q={handle}&type=accounts&resolve=true")
        if not found["accounts"]:
            raise DemoFailed(f"{other.handle} was not found from {self.handle}")
        identifier: str = found["accounts"][0]["id"]
        return identifier


async def make_person(ctx: Context, name: str, display_name: str, bio: str) -> Person:
    """Make an account with a profile, and sign it in."""
    password = new_token()[:12]
    account_id = await users.create_user(ctx, name, f"{name}@demo.example", password)
    token = new_token()
    await ctx.db.execute(
        INSERT_TOKEN,
        ctx.ids.new(),
        token_hash(token),
        await _application(ctx),
        account_id,
        _SCOPES,
        ctx.clock.now(),
    )
    person = Person(ctx, name, password, token)
    path = "/api/v1/accounts/update_credentials"
    await person.call("PATCH", path, display_name=display_name, note=bio)
    return person


async def _application(ctx: Context) -> int:
    application_id = ctx.ids.new()
    await ctx.db.execute(
        INSERT_APPLICATION,
        application_id,
        new_token(),
        token_hash(new_token()),
        "fedserver demo",
        None,
        ["urn:ietf:wg:oauth:2.0:oob"],
        _SCOPES,
        ctx.clock.now(),
    )
    return application_id

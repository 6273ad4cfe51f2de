"""A lost host, seen from a second instance, a client and its streams: there is nothing to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import orjson
import pytest

from storage.server import connect_existing
from tests.conftest import unused_port
from tests.push.service import App, PushService, new_app, push_service
from tests.resilience.server_process import server_process
from tests.resilience.test_kill import sign_in
from tests.resilience.test_vault import Bob, signed_in
from tests.resilience.vault_scene import VaultedServer, vaulted_server
from tests.waiting import until

pytestmark = pytest.mark.drill


@dataclass(frozen=True, slots=True)
class Scene:
    """Bob here, with a vault; Carol there, who follows him and whom he follows."""

    here: VaultedServer
    bob: Bob
    carol: Bob
    pushed: PushService
    app: App


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    ports = unused_port(), unused_port(), unused_port()
    (tmp_path / "vault").mkdir()
    (tmp_path / "there").mkdir()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())
        here = await stack.enter_async_context(
            vaulted_server(
                tmp_path / "here",
                ports[0],
                targets=[f"folder:{tmp_path / 'vault'}"],
                peer_port=ports[1],
                push_port=ports[2],
            )
        )
        there = await stack.enter_async_context(
            server_process(tmp_path / "there", ports[1], ports[0])
        )
        bob = await signed_in(here, client)
        await there.make_user("carol")
        database = await asyncpg.connect(await connect_existing(tmp_path / "there" / "data"))
        stack.push_async_callback(database.close)
        carol = Bob(there, client, await sign_in(database))
        await follow(carol, f"{here.base_url}/users/bob")
        await follow(bob, f"{there.base_url}/users/carol")
        pushed = await stack.enter_async_context(push_service(ports[2]))
        app = new_app()
        wanted = {"endpoint": pushed.endpoint(), "keys": app.keys, "standard": True}
        await bob.ask(
            "POST",
            "/api/v1/push/subscription",
            json={"subscription": wanted, "data": {"alerts": {"mention": True}}},
        )
        yield Scene(here, bob, carol, pushed, app)


async def follow(who: Bob, uri: str) -> None:
    found = await who.ask("GET", f"/api/v2/search?resolve=true&q={uri}")
    account_id = found["accounts"][0]["id"]
    await who.ask("POST", f"/api/v1/accounts/{account_id}/follow")

    async def accepted() -> bool:
        path = f"/api/v1/accounts/relationships?id={account_id}"
        return bool((await who.ask("GET", path))[0]["following"])

    await until(accepted, within_s=60)


async def has(who: Bob, uris: set[str]) -> None:
    async def shown() -> bool:
        return uris <= set(await who.home())

    await until(shown, within_s=120)


async def told(bob: Bob) -> bool:
    return bool(await bob.ask("GET", "/api/v1/notifications?types[]=mention"))


async def heard_first(bob: Bob) -> Any:
    url = f"{bob.server.base_url}/api/v1/streaming?stream=user&access_token={bob.token}"
    async with asyncio.timeout(120):
        while True:
            try:
                async with bob.client.ws_connect(url) as stream:
                    async for message in stream:
                        return orjson.loads(message.data)
            except aiohttp.ClientError:
                await asyncio.sleep(0.2)  # a client connects again


async def test_nobody_has_to_do_anything(scene: Scene) -> None:
    before = await scene.bob.post("Before the fire")
    await has(scene.carol, {before})
    await scene.here.command("vault", "now")
    await scene.here.lose_everything()
    gap = await scene.carol.post("Are you there?")
    await scene.here.restore()
    await scene.here.start()
    await has(scene.bob, {before, gap})  # delivered, or fetched as part of the gap
    listening = asyncio.create_task(heard_first(scene.bob))
    after = await scene.bob.post("After the fire")
    await has(scene.carol, {before, after})
    assert (await listening)["event"] in {"update", "notification"}
    posts = [one for one in await scene.carol.home() if "/users/bob/" in one]
    assert sorted(posts) == sorted({before, after})
    # Bob's phone was never told of anything, and its app still reads what it gets.
    await scene.carol.post(f"@bob@localhost:{scene.here.port} you are back")
    await until(lambda: told(scene.bob), within_s=200)
    message = scene.app.read(await scene.pushed.next())
    assert message["notification_type"] == "mention"
    for who in (scene.bob, scene.carol):
        me = await who.ask("GET", "/api/v1/accounts/verify_credentials")
        assert (me["followers_count"], me["following_count"]) == (1, 1)

"""A host is lost, and comes back from its vault as it was."""

from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import asyncpg

from storage.server import connect_existing
from tests.conftest import unused_port
from tests.resilience.test_kill import sign_in
from tests.resilience.vault_scene import VaultedServer, vaulted_server
from tests.waiting import until


async def token_of(server: VaultedServer) -> str:
    database = await asyncpg.connect(await connect_existing(server.data))
    try:
        return await sign_in(database)
    finally:
        await database.close()


async def post(server: VaultedServer, client: aiohttp.ClientSession, token: str, text: str) -> str:
    async with client.post(
        f"{server.base_url}/api/v1/statuses",
        json={"status": text},
        headers={"Authorization": f"Bearer {token}"},
    ) as response:
        assert response.status == 200, await response.text()
        uri: str = (await response.json())["uri"]
        return uri


async def home(server: VaultedServer, client: aiohttp.ClientSession, token: str) -> list[str]:
    async with client.get(
        f"{server.base_url}/api/v1/timelines/home?limit=40",
        headers={"Authorization": f"Bearer {token}"},
    ) as response:
        assert response.status == 200, await response.text()
        return [one["uri"] for one in await response.json()]


async def test_a_lost_host_comes_back_as_it_was(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    targets = [f"folder:{one}" for one in folders]
    async with (
        aiohttp.ClientSession() as client,
        vaulted_server(tmp_path / "here", unused_port(), targets=targets) as server,
    ):
        await server.make_user("bob")
        await server.has_base()
        token = await token_of(server)
        posted = [await post(server, client, token, f"Post {number}") for number in range(10)]
        at = datetime.now(UTC).timestamp()

        async def all_shipped() -> bool:
            newest = max(folders[0].rglob("*.wal"))
            return newest.stat().st_mtime > at + 0.3

        posted.append(await post(server, client, token, "The last"))
        await until(all_shipped)
        await server.lose_everything()
        await server.restore()
        await server.start()
        assert set(await home(server, client, token)) >= set(posted)

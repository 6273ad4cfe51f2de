"""Three servers as admins run them; one is killed, with its database, and its disk thrown away."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from fedserver.app import open_context
from fedserver.clock import SystemClock
from fedserver.config import load
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.sealing import open_sealed, seal
from fedserver.services.discover import learn_software
from fedserver.survival.mirrors.target import AsInstance, AsOwner, MirrorTarget
from storage.server import connect_existing
from storage.server.folders import Folders
from storage.server.postmaster import read_postmaster
from tests.conftest import unused_port
from tests.resilience.server_process import ServerProcess
from tests.resilience.test_kill import sign_in
from tests.waiting import until

pytestmark = pytest.mark.soak


@dataclass
class Server(ServerProcess):
    """A server process that may reach several others."""

    peers: tuple[int, ...] = ()
    token: str = ""

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def _write_config(self) -> None:
        reachable = [f"127.0.0.1:{port}" for port in self.peers]
        mapped = ", ".join(f'"localhost:{port}" = "127.0.0.1:{port}"' for port in self.peers)
        (self.folder / "config.toml").write_text(
            f"""
            [instance]
            domain = "{self.host}"
            [server]
            port = {self.port}
            [data]
            folder = "data"
            [development]
            rate_limits = false
            reachable_addresses = {reachable}
            host_map = {{ {mapped} }}
            """
        )

    async def type(self, *arguments: str) -> str:
        """Type a command; give what it prints."""
        process = await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        told, _ = await process.communicate()
        assert process.returncode == 0, told.decode()
        return told.decode()

    async def person(self, name: str) -> None:
        await self.make_user(name)
        connection = await asyncpg.connect(await connect_existing(self.folder / "data"))
        try:
            self.token = await sign_in(connection)
        finally:
            await connection.close()

    async def api(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with (
            aiohttp.ClientSession(headers=headers) as client,
            client.request(method, self.base_url + path, **options) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def found(self, uri: str) -> list[Any]:
        query = {"q": uri, "resolve": "true"}
        statuses: list[Any] = (await self.api("GET", "/api/v2/search", params=query))["statuses"]
        return statuses


async def is_kept(mirror: Server, uri: str) -> bool:
    connection = await asyncpg.connect(await connect_existing(mirror.folder / "data"))
    try:
        found = await connection.fetchval("SELECT count(*) FROM mirror_objects WHERE uri = $1", uri)
    finally:
        await connection.close()
    return bool(found)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[list[Server]]:
    ports = tuple(unused_port() for _ in range(3))
    tmp_path.chmod(0o755)
    async with AsyncExitStack() as stack:
        started = []
        for port in ports:
            folder = tmp_path / str(port)
            folder.mkdir(mode=0o755)
            server = Server(folder, port, 0, peers=ports)
            await server.start()
            stack.push_async_callback(server.stop)
            started.append(server)
        yield started


async def test_killed_server_is_read_through_the_others_and_its_chunks_with_the_words(
    servers: list[Server],
) -> None:
    origin, mirror, other = servers
    for server, name in zip(servers, ("ada", "ben", "cleo"), strict=True):
        await server.person(name)
    words = (await origin.type("recovery-key", "new")).split("\n\n")[1].strip()
    await origin.type("mirror", "offer", mirror.host, "--quota", "1GB")
    await mirror.type("mirror", "accept", origin.host)
    posted = await origin.api("POST", "/api/v1/statuses", json={"status": "I was here"})
    for reader in (mirror, other):
        people = {"q": f"@ada@{origin.host}", "resolve": "true"}
        assert (await reader.api("GET", "/api/v2/search", params=people))["accounts"]
    key = RecoveryKey.from_words(words)
    config = load(origin.folder / "config.toml", {})
    async with open_context(config) as ctx:
        target = MirrorTarget(ctx.out, mirror.base_url, AsInstance(ctx))
        await target.put("base/1", seal(b"everything", [key.public.recipient]))
    for reader in (mirror, other):  # what its worker does once a week
        async with open_context(load(reader.folder / "config.toml", {})) as ctx:
            await learn_software(ctx, origin.host)
    await until(lambda: is_kept(mirror, posted["uri"]), within_s=150)

    postmaster = read_postmaster(Folders.of(origin.folder / "data").cluster)
    assert postmaster is not None
    await origin.kill()
    os.kill(postmaster.pid, signal.SIGKILL)
    shutil.rmtree(origin.folder / "data")

    for reader in (other, mirror):
        (status,) = await reader.found(posted["uri"])
        assert status["content"] == "<p>I was here</p>"
    async with open_context(load(other.folder / "config.toml", {})) as anybody:
        credentials = AsOwner(key.signing, SystemClock())
        rescued = MirrorTarget(anybody.out, mirror.base_url, credentials)
        assert await rescued.list() == ["base/1"]
        assert open_sealed(await rescued.get("base/1"), key.opening) == b"everything"

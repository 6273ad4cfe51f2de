"""Any number of processes serve one instance: what is posted in one is heard in another."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from fedserver.services import users
from tests.conftest import unused_port
from tests.instances import Instance
from tests.streaming.listening import Socket, websocket
from tests.waiting import until

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def another_process(instance: Instance, dsn: str, folder: Path) -> AsyncIterator[str]:
    """Run a second server on the instance's database, and give where it listens."""
    folder.mkdir()
    shutil.copy2(instance.ctx.config.data.folder / "instance.key", folder / "instance.key")
    port = unused_port()
    environment = {
        **os.environ,
        "FEDSERVER_INSTANCE__DOMAIN": instance.domain,
        "FEDSERVER_SERVER__PORT": str(port),
        "FEDSERVER_DATA__FOLDER": str(folder),
        "FEDSERVER_DATABASE__URL": dsn,
        "FEDSERVER_DEVELOPMENT__RATE_LIMITS": "false",
    }
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fedserver",
            "run",
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
    base_url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        assert process.returncode is None, (folder / "log").read_text()
        try:
            async with instance.session.get(f"{base_url}/api/v1/streaming/health") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await until(answers, within_s=60)
        yield base_url
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        await process.wait()


async def test_what_is_posted_in_one_process_is_heard_in_another(
    instance: Instance, database_dsn: str, tmp_path: Path
) -> None:
    ada, bob = await instance.person("ada"), await instance.person("bob")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/follow")
    bearer = {"Authorization": f"Bearer {ada.token}"}
    async with another_process(instance, database_dsn, tmp_path / "other") as base_url:
        url = f"{base_url}/api/v1/streaming?stream=user"
        async with instance.session.ws_connect(url, headers=bearer) as opened:
            there = Socket(opened)
            posted = await bob.post("/api/v1/statuses", status="Hello @ada")
            heard = [await there.next(), await there.next()]
            assert {event.name for event in heard} == {"update", "notification"}
            async with (
                websocket(instance, None, "public") as here,
                instance.session.post(
                    f"{base_url}/api/v1/statuses", json={"status": "Back"}, headers=bearer
                ) as answer,
            ):
                assert answer.status == 200
                assert "Back" in (await here.next()).json["content"]
            await bob.delete(f"/api/v1/statuses/{posted['id']}")
            assert "Back" in (await there.next()).json["content"]
            assert (await there.next()).payload == posted["id"]
            await users.reset_password(instance.ctx, "ada", None)
            await there.closed()

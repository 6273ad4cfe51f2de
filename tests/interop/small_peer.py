"""Servers of ours on top of other libraries: each has one person, Fiona, who does what she is told
over HTTP, and tells what her library believed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import unused_port
from tests.waiting import until

Json = dict[str, Any]

_PEERS = Path(__file__).parent / "peers"
PYTHON = _PEERS / "python" / "venv" / "bin" / "python"


@dataclass(frozen=True)
class Software:
    """How to run a peer, and where its person is. `{port}`, `{control}`, `{folder}` and
    `{database}` in the command are filled in. `lacks`: flows that it cannot do, and why."""

    name: str
    package: str
    command: tuple[str | Path, ...]
    person: str
    lacks: dict[str, str]


SOFTWARE = {
    "pubby": Software(
        "pubby",
        "pubby",
        (PYTHON, _PEERS / "python" / "pubby_server.py", "{port}", "{folder}"),
        "/ap/actor",
        {},
    ),
}


@dataclass(frozen=True)
class SmallPeer:
    """A running one."""

    software: Software
    port: int
    control: int
    session: aiohttp.ClientSession

    @property
    def fiona(self) -> str:
        return f"http://localhost:{self.port}{self.software.person}"

    async def tell(self, command: str, **given: Any) -> Any:
        """Have Fiona do something, and give what came of it."""
        url = f"http://localhost:{self.control}/_control/{command}"
        async with self.session.post(url, json=given) as answer:
            text = await answer.text()
            assert answer.status == 200, text
            return await answer.json()

    async def heard(self, kind: str, **fields: Any) -> Json:
        """Give the first activity of this kind that the library believed, once there is one."""

        async def find() -> Json | None:
            for one in await self.tell("log"):
                if one["type"] == kind and fields.items() <= one.items():
                    return dict(one)
            return None

        found = await until(find)
        assert found is not None
        return found


@asynccontextmanager
async def start_peer(software: Software, folder: Path, database: str) -> AsyncIterator[SmallPeer]:
    """Run it on loopback; skip where `make interop` has not installed it."""
    if not Path(software.command[0]).exists():
        pytest.skip("not installed: make interop does it")
    port = unused_port()
    own_control = "{control}" in map(str, software.command)
    control = unused_port() if own_control else port
    filled = {"port": port, "control": control, "folder": folder, "database": database}
    command = [str(part).format(**filled) for part in software.command]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        ready = await asyncio.wait_for(process.stdout.readline(), 60)
        assert ready.strip() == b"ready", ready
        async with aiohttp.ClientSession() as session:
            yield SmallPeer(software, port, control, session)
    finally:
        process.terminate()
        await process.wait()

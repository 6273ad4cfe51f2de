"""A real server process with its own embedded database, to be killed."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery staple"


@dataclass
class ServerProcess:
    """`fedserver run` on a folder; it can be killed and started again."""

    folder: Path
    port: int
    peer_port: int
    push_port: int = 9
    process: asyncio.subprocess.Process | None = None

    @property
    def base_url(self) -> str:
        return f"http://localhost:{self.port}"

    async def start(self) -> None:
        """Start and wait until it answers."""
        self._write_config()
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self._command("run"), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )
        async with aiohttp.ClientSession() as client, asyncio.timeout(60):
            while not await self._answers(client):
                assert self.process.returncode is None, (self.folder / "log").read_text()
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """SIGKILL: it gets no chance to say goodbye."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """Stop in order, and the database with it."""
        if self.process is not None and self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGINT)
            await self.process.wait()

    async def make_user(self, name: str) -> None:
        """Make an account with the command that an admin types."""
        arguments = ("user", "create", name, "--email", f"{name}@mail.example", "--password-stdin")
        process = await asyncio.create_subprocess_exec(
            *self._command(*arguments), cwd=ROOT, stdin=asyncio.subprocess.PIPE
        )
        await process.communicate(PASSWORD.encode() + b"\n")
        assert process.returncode == 0

    def _push_line(self) -> str:
        if self.push_port == self.peer_port:
            return ""
        return f'"localhost:{self.push_port}" = "127.0.0.1:{self.push_port}"'

    def _command(self, *arguments: str) -> list[str]:
        config = str(self.folder / "config.toml")
        return [sys.executable, "-m", "fedserver", "--config", config, *arguments]

    async def _answers(self, client: aiohttp.ClientSession) -> bool:
        try:
            async with client.get(f"{self.base_url}/api/v2/instance") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    def _write_config(self) -> None:
        (self.folder / "config.toml").write_text(
            f"""
            [instance]
            domain = "localhost:{self.port}"
            [server]
            port = {self.port}
            [data]
            folder = "data"
            [development]
            rate_limits = false
            reachable_addresses = [
                "127.0.0.1:{self.peer_port}", "127.0.0.1:{self.push_port}"
            ]
            [development.host_map]
            "localhost:{self.peer_port}" = "127.0.0.1:{self.peer_port}"
            {self._push_line()}
            """
        )


@asynccontextmanager
async def server_process(folder: Path, port: int, peer_port: int) -> AsyncIterator[ServerProcess]:
    """Give a started server that is stopped, with its database, at the end."""
    folder.chmod(0o755)
    server = ServerProcess(folder, port, peer_port)
    await server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.returncode is not None:
            await server.start()  # so that the database that was left alone is stopped too
        await server.stop()

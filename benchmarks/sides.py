"""The two servers: how each is started, filled, watched and stopped."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg

from benchmarks.meter import Meter
from benchmarks.scene import Scene
from storage.server import connect_existing

REPOSITORY = Path(__file__).parent.parent
_READY_WITHIN_S = 60.0
_STOPPED_WITHIN_S = 30.0
_STEP_S = 0.005
_LOCK_TOMBSTONES = "LOCK TABLE tombstones IN ACCESS EXCLUSIVE MODE"
_LOCK_STATUSES = "LOCK TABLE statuses IN SHARE MODE"
_SETTLED_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.05
_WAITING = """
    SELECT (SELECT count(*) FROM inbox_items WHERE outcome IS NULL)
         + (SELECT count(*) FROM deliveries)
"""


class ServerFailed(Exception):
    """A server did not do what the measurement needs; the text ends with what it said."""


@dataclass(frozen=True, slots=True)
class Outside:
    """Where the fake peers listen, and the authority that vouches for them."""

    plain_port: int
    tls_port: int
    ca_file: Path | None
    plain_hosts: list[str]
    tls_hosts: list[str]


class Side(Protocol):
    """One of the servers, in a folder of its own."""

    @property
    def name(self) -> str:
        """How the table calls it."""
        ...

    @property
    def server(self) -> "Server": ...

    async def seed(self, scene: Scene) -> None:
        """Write the people of `scene` and their posts. The server runs meanwhile."""
        ...


class Server:
    """A server as a process: `command` serves `port` with the database of `data_folder`."""

    def __init__(self, command: list[str], port: int, folder: Path, data_folder: Path) -> None:
        self.port = port
        self.folder = folder
        self.data_folder = data_folder
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    @property
    def host(self) -> str:
        """What stands in the Host header and in every id of this server."""
        return f"localhost:{self.port}"

    @property
    def meter(self) -> Meter:
        return Meter(self._running().pid, self.data_folder)

    async def start(self) -> float:
        """Start the process and give the seconds until it answers HTTP. Raises ServerFailed."""
        began = time.perf_counter()
        with self._log_file.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, cwd=REPOSITORY, env=environment(), stdout=log, stderr=log
            )
        while not await _answers(self.port):
            if self._process.returncode is not None:
                raise ServerFailed(f"it ended at once: {self.last_words()}")
            if time.perf_counter() - began > _READY_WITHIN_S:
                raise ServerFailed(f"no answer within {_READY_WITHIN_S:g} s: {self.last_words()}")
            await asyncio.sleep(_STEP_S)
        return time.perf_counter() - began

    async def stop(self) -> None:
        """End the process in order, or by force where it does not."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _STOPPED_WITHIN_S)
        except TimeoutError:
            process.kill()
            await process.wait()

    @asynccontextmanager
    async def database(self) -> AsyncIterator[Any]:
        """Open a connection to its database."""
        dsn = await connect_existing(self.data_folder)
        if dsn is None:
            raise ServerFailed(f"no database in {self.data_folder}")
        connection = await asyncpg.connect(dsn)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def not_processing(self) -> AsyncIterator[None]:
        """Keep received activities from being processed: fedserver's first question, whether they
        were deleted before, gets no answer meanwhile; the roofline cannot write statuses."""
        async with self.database() as connection, connection.transaction():
            asks = await connection.fetchval("SELECT to_regclass('tombstones') IS NOT NULL")
            await connection.execute(_LOCK_TOMBSTONES if asks else _LOCK_STATUSES)
            yield

    async def settled(self) -> None:
        """Wait until nothing is left to process or deliver. Raises ServerFailed."""
        until = time.perf_counter() + _SETTLED_WITHIN_S
        async with self.database() as connection:
            while left := await connection.fetchval(_WAITING):
                if time.perf_counter() > until:
                    raise ServerFailed(f"{left} jobs are still waiting: {self.last_words()}")
                await asyncio.sleep(_LOOK_EVERY_S)

    def last_words(self) -> str:
        return self._log_file.read_text(errors="replace")[-3_000:]

    @property
    def _log_file(self) -> Path:
        return self.folder / "server.log"

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise ServerFailed("it was not started")
        return self._process


def environment() -> dict[str, str]:
    """Give our environment without settings of fedserver that a developer may have."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FEDSERVER_")}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def python(*arguments: str) -> list[str]:
    """Give the command line of a Python module in this environment."""
    return [sys.executable, *arguments]


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /.well-known/webfinger HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return (await reader.read(5)).startswith(b"HTTP/")
    except OSError:
        return False
    finally:
        writer.close()

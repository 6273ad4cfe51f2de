"""An instance with a vault, as processes: to be killed, robbed of its data folder, and restored."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from storage.server.postmaster import find_postmaster
from tests.resilience.server_process import ROOT, ServerProcess
from tests.waiting import until


@dataclass
class VaultedServer(ServerProcess):
    """`fedserver run` with targets; its words are known to the test alone."""

    targets: Sequence[str] = ()
    settings: str = ""
    words: str = ""

    def _write_config(self) -> None:
        super()._write_config()
        config = self.folder / "config.toml"
        labels = ", ".join(f'"{one}"' for one in self.targets)
        config.write_text(
            f"{config.read_text()}\n[vault]\ntargets = [{labels}]\nchunk_s = 0.1\n{self.settings}\n"
        )

    @property
    def data(self) -> Path:
        return self.folder / "data"

    async def command(self, *arguments: str, given: str = "", code: int = 0) -> str:
        """Run a command of the CLI as an admin would."""
        process = await self.begin(*arguments)
        said, _ = await process.communicate(given.encode())
        assert process.returncode == code, said.decode()
        return said.decode()

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command of the CLI."""
        return await asyncio.create_subprocess_exec(
            *self._command(*arguments),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def make_words(self) -> None:
        """Make the recovery key, and write its words down."""
        said = await self.command("recovery-key", "new")
        found = re.search(r"^  ((?:[a-z]+ ){23}[a-z]+)$", said, re.MULTILINE)
        assert found, said
        self.words = found[1]

    async def has_base(self) -> None:
        """Wait until a base has been shipped to every folder."""

        async def shipped() -> bool:
            folders = [Path(one.removeprefix("folder:")) for one in self.targets]
            return all(list(one.rglob("*.base-end")) for one in folders)

        await until(shipped, within_s=60)

    async def lose_everything(self) -> None:
        """kill -9 of server and database, and the data folder is gone."""
        found = find_postmaster(self.data / "postgres" / "cluster")
        await self.kill()
        assert found is not None
        await _kill_tree(found.pid)
        shutil.rmtree(self.data)

    async def restore(self, *targets: str, code: int = 0) -> str:
        """Type what an admin types on the worst day."""
        self._write_config()
        arguments = ("vault", "restore", *(targets or self.targets), "--words-file", "-")
        return await self.command(*arguments, given=self.words, code=code)

    async def restore_with_identity(self, identity: Path, did: str, code: int = 0) -> str:
        """As `restore`, by an admin who has an age key and no words."""
        self._write_config()
        given = ("--identity", str(identity), "--key", did)
        return await self.command("vault", "restore", *self.targets, *given, code=code)


async def _kill_tree(pid: int) -> None:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 30)
    assert not alive


@asynccontextmanager
async def vaulted_server(
    folder: Path,
    port: int,
    *,
    targets: Sequence[str],
    settings: str = "",
    peer_port: int = 9,
    push_port: int = 9,
) -> AsyncIterator[VaultedServer]:
    """Give a started server with a recovery key, that is stopped at the end."""
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    server = VaultedServer(folder, port, peer_port, push_port, targets=targets, settings=settings)
    server._write_config()
    await server.make_words()
    await server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.returncode is not None:
            await server.start()
        await server.stop()

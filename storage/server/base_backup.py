"""Base backups of the embedded PostgreSQL, by its own pg_basebackup."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from storage.database import StorageError
from storage.server.cluster import ENVIRONMENT, USER, program
from storage.server.wal_stream import lsn

# At the end of the manifest, which is at the end of the tar (PostgreSQL 18, 70.3).
_RANGE: Final = re.compile(rb'"Start-LSN": "([0-9A-F]+/[0-9A-F]+)", "End-LSN": "([0-9A-F/]+)"')
_TAIL_BYTES: Final = 65_536
_TOLD_BYTES: Final = 2_000


class BackupFailed(StorageError):
    """pg_basebackup did not come to its end."""


@dataclass(slots=True)
class BaseBackup:
    """A base backup being made: `pieces` gives the tar; then `start` and `end` say which part of
    the log it needs to be consistent."""

    dsn: str
    piece_bytes: int
    start: int = 0
    end: int = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the tar file piece by piece. Raises BackupFailed."""
        where = parse_qs(urlsplit(self.dsn).query)
        process = await asyncio.create_subprocess_exec(
            str(program("pg_basebackup")),
            *("--pgdata=-", "--format=tar", "--wal-method=none", "--checkpoint=fast"),
            *(f"--host={where['host'][0]}", f"--port={where['port'][0]}", f"--username={USER}"),
            "--no-password",
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        told, tail = asyncio.ensure_future(process.stderr.read()), b""
        try:
            while piece := await _full(process.stdout, self.piece_bytes):
                tail = (tail + piece)[-_TAIL_BYTES:]
                yield piece
            self._finish(await process.wait(), tail, (await told).decode("utf-8", "replace"))
        finally:
            told.cancel()
            if process.returncode is None:
                process.kill()
                await process.wait()

    def _finish(self, code: int, tail: bytes, told: str) -> None:
        found = _RANGE.search(tail)
        if code != 0 or found is None:
            raise BackupFailed(f"the base backup failed: {told.strip()[-_TOLD_BYTES:]}")
        self.start, self.end = lsn(found[1].decode()), lsn(found[2].decode())


async def _full(stream: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await stream.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial

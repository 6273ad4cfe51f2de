"""Dumps of a PostgreSQL whose log we may not have, and back: pg_dump and pg_restore."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from typing import IO, Final
from urllib.parse import parse_qs, unquote, urlsplit

from storage.database import StorageError
from storage.server.cluster import ENVIRONMENT, program

_TOLD_BYTES: Final = 2_000


class DumpFailed(StorageError):
    """pg_dump or pg_restore did not come to its end; the text is what it said."""


def _environment(dsn: str) -> dict[str, str]:
    """Say by libpq's variables where the database is: a command's arguments everybody can read."""
    parts = urlsplit(dsn)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    wanted = {
        "PGHOST": asked.get("host") or parts.hostname,
        "PGPORT": asked.get("port") or (str(parts.port) if parts.port else None),
        "PGUSER": unquote(parts.username) if parts.username else None,
        "PGPASSWORD": unquote(parts.password) if parts.password else None,
        "PGDATABASE": unquote(parts.path.lstrip("/")) or None,
        "PGSSLMODE": asked.get("sslmode"),
        "PGSSLROOTCERT": asked.get("sslrootcert"),
    }
    return ENVIRONMENT | {name: value for name, value in wanted.items() if value}


async def dump(dsn: str, piece_bytes: int) -> AsyncIterator[bytes]:
    """Give a dump of the whole database piece by piece: as it was when the dump began.

    Raises DumpFailed.
    """
    process = await asyncio.create_subprocess_exec(
        str(program("pg_dump")),
        *("--format=custom", "--compress=0", "--no-owner", "--no-privileges", "--no-password"),
        env=_environment(dsn),
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    told = asyncio.ensure_future(process.stderr.read())
    try:
        while piece := await _full(process.stdout, piece_bytes):
            yield piece
        if await process.wait() != 0:
            raise DumpFailed(_words("pg_dump", await told))
    finally:
        told.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


def load(dsn: str, source: IO[bytes]) -> None:
    """Put a dump into an empty database. For threads. Raises DumpFailed."""
    with subprocess.Popen(
        [
            str(program("pg_restore")),
            *("--dbname=", "--no-owner", "--no-privileges", "--exit-on-error", "--no-password"),
        ],
        env=_environment(dsn),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        try:
            while piece := source.read(1024 * 1024):
                process.stdin.write(piece)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it says why, below
        told = process.stderr.read()
    if process.returncode != 0:
        raise DumpFailed(_words("pg_restore", told))


def _words(who: str, told: bytes) -> str:
    return f"{who}: {told.decode('utf-8', 'replace').strip()[-_TOLD_BYTES:]}"


async def _full(stream: asyncio.StreamReader, size: int) -> bytes:
    try:
        return await stream.readexactly(size)
    except asyncio.IncompleteReadError as error:
        return error.partial

"""The write-ahead log of the embedded PostgreSQL, as it is written: streaming replication.

Source: PostgreSQL 18, "Frontend/Backend Protocol" and "Streaming Replication Protocol". This speaks
it itself, instead of running pg_receivewal, because what is reported as flushed is what commits
wait for when they have to be synchronous: that may be said only of what has left the machine.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from storage.database import StorageError
from storage.server.cluster import USER

STANDBY: Final = "fedserver_vault"
SEGMENT_BYTES: Final = 16 * 1024 * 1024

_PROTOCOL: Final = 196_608  # 3.0
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MOST_BYTES: Final = 64 * 1024 * 1024


class WalGone(StorageError):
    """PostgreSQL does not have the log from the wanted place on any more."""


class StreamLost(StorageError):
    """The stream ended: PostgreSQL stopped, or the connection broke."""


@dataclass(frozen=True, slots=True)
class System:
    """Which cluster this is: two with one number and timeline have the same past."""

    identifier: str
    timeline: int
    position: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the log: the bytes from the position `start` on."""

    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """PostgreSQL is there. `asks`: it wants to hear how far we are."""

    end: int
    asks: bool


class WalStream:
    """A replication connection. `open_wal_stream` makes it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def identify(self) -> System:
        """Ask which cluster this is, and how far its log goes."""
        row = await self._row("IDENTIFY_SYSTEM")
        return System(row[0], int(row[1]), lsn(row[2]))

    async def slot_position(self) -> int | None:
        """Give from where on the log is kept for us, or None where nothing is."""
        row = await self._row(f"READ_REPLICATION_SLOT {STANDBY}")
        return lsn(row[1]) if row[1] else None

    async def make_slot(self) -> int:
        """Have the log kept for us from now on, anew; gives from where."""
        await self.drop_slot()
        await self._row(f"CREATE_REPLICATION_SLOT {STANDBY} PHYSICAL (RESERVE_WAL)")
        position = await self.slot_position()
        assert position is not None  # reserved in the statement before
        return position

    async def drop_slot(self) -> None:
        """Have nothing kept for us any more."""
        if (await self._row(f"READ_REPLICATION_SLOT {STANDBY}"))[0]:
            await self._row(f"DROP_REPLICATION_SLOT {STANDBY} WAIT")

    async def start(self, position: int, timeline: int) -> None:
        """Begin to stream. Raises WalGone."""
        wanted = f"SLOT {STANDBY} PHYSICAL {lsn_text(position)} TIMELINE {timeline}"
        await self._send(b"Q", f"START_REPLICATION {wanted}".encode() + b"\0")
        kind, body = await self._message()
        while kind in b"SN":
            kind, body = await self._message()
        if kind == b"E":
            raise WalGone(_error_text(body))
        if kind != b"W":
            raise StreamLost(f"unexpected answer {kind!r} to START_REPLICATION")

    async def pieces(self) -> AsyncIterator[Piece | Heartbeat]:
        """Give what comes. Raises StreamLost, or WalGone where PostgreSQL gave us up."""
        while True:
            kind, body = await self._message()
            if kind == b"E":
                raise WalGone(_error_text(body))
            if kind == b"c":
                raise StreamLost("PostgreSQL ended the stream")
            if kind == b"d" and body[:1] == b"w":
                (start,) = struct.unpack_from("!Q", body, 1)
                yield Piece(start, body[25:])
            elif kind == b"d" and body[:1] == b"k":
                end, _, asks = struct.unpack_from("!QQB", body, 1)
                yield Heartbeat(end, bool(asks))

    async def confirm(self, flushed: int) -> None:
        """Report what is safe: up to there PostgreSQL keeps nothing for us, and commits that wait
        for us go on."""
        micros = int((datetime.now(UTC) - _EPOCH).total_seconds() * 1_000_000)
        await self._send(b"d", b"r" + struct.pack("!QQQQB", flushed, flushed, flushed, micros, 0))

    async def _row(self, command: str) -> list[str]:
        """Run a command that gives at most one row; empty texts stand for NULL."""
        await self._send(b"Q", command.encode() + b"\0")
        row: list[str] = []
        refused = ""
        while True:
            kind, body = await self._message()
            if kind == b"D":
                row = _columns(body)
            elif kind == b"E":
                refused = _error_text(body)
            elif kind == b"Z":
                break
        if refused:
            raise StorageError(f"{command.split()[0]}: {refused}")
        return row

    async def _send(self, kind: bytes, body: bytes) -> None:
        try:
            self._writer.write(kind + struct.pack("!I", len(body) + 4) + body)
            await self._writer.drain()
        except OSError as error:
            raise StreamLost(f"PostgreSQL is away: {error}") from error

    async def _message(self) -> tuple[bytes, bytes]:
        try:
            head = await self._reader.readexactly(5)
            (length,) = struct.unpack("!I", head[1:])
            if not 4 <= length <= _MOST_BYTES:
                raise StreamLost("PostgreSQL sent what is no message")
            return head[:1], await self._reader.readexactly(length - 4)
        except (OSError, asyncio.IncompleteReadError) as error:
            raise StreamLost(f"PostgreSQL is away: {error}") from error


@asynccontextmanager
async def open_wal_stream(dsn: str) -> AsyncIterator[WalStream]:
    """Connect to the embedded PostgreSQL of `dsn` for replication. Raises StreamLost."""
    where = parse_qs(urlsplit(dsn).query)
    path = f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}"
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=4 * 1024 * 1024)
    except OSError as error:
        raise StreamLost(f"PostgreSQL is away: {error}") from error
    try:
        stream = WalStream(reader, writer)
        await _begin(stream, writer)
        yield stream
    finally:
        writer.close()


async def _begin(stream: WalStream, writer: asyncio.StreamWriter) -> None:
    words = ("user", USER, "replication", "true", "application_name", STANDBY)
    body = struct.pack("!I", _PROTOCOL) + b"".join(one.encode() + b"\0" for one in words) + b"\0"
    writer.write(struct.pack("!I", len(body) + 4) + body)
    while True:
        kind, answer = await stream._message()
        if kind == b"E":
            raise StreamLost(_error_text(answer))
        if kind == b"Z":
            return


def lsn(text: str) -> int:
    """Read a position of the log as PostgreSQL writes it: "16/B374D848"."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def lsn_text(position: int) -> str:
    """Write a position of the log as PostgreSQL does."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def segment_start(position: int) -> int:
    """Give where the file of the log begins that `position` is in."""
    return position - position % SEGMENT_BYTES


def segment_name(position: int, timeline: int) -> str:
    """Give the name of the file of the log that `position` is in."""
    number = position // SEGMENT_BYTES
    per_file = 0x1_0000_0000 // SEGMENT_BYTES
    return f"{timeline:08X}{number // per_file:08X}{number % per_file:08X}"


def _columns(body: bytes) -> list[str]:
    (count,) = struct.unpack_from("!H", body)
    at, found = 2, []
    for _ in range(count):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        found.append(body[at : at + max(0, length)].decode())
        at += max(0, length)
    return found


def _error_text(body: bytes) -> str:
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    return fields.get(b"M", "an error without a text")

"""Media blobs, named by the hash of their content."""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import AsyncIterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final, Protocol

_NAME: Final = re.compile(r"[0-9a-f]{64}\.[a-z0-9]{1,8}")
_SUFFIX: Final = re.compile(r"\.[a-z0-9]{1,8}")
_CHUNK_BYTES: Final = 256 * 1024
_INCOMING: Final = "incoming"

# Bytes, the content of a file by its path, or of an open file from its beginning.
Content = bytes | Path | IO[bytes]


class BlobStore(Protocol):
    """Where blobs are kept: a folder, or a bucket (storage/bucket.py).

    A name is the SHA-256 of the content in hex and a suffix. Equal content has one name, so a
    caller deletes a blob only when no row names it any more. A name that is not of this form
    raises ValueError everywhere.
    """

    async def put(self, data: Content, *, suffix: str) -> str:
        """Keep `data` (bytes, or the content of a file) durably and give its name."""

    async def read(self, name: str) -> bytes:
        """Give the content; raises FileNotFoundError."""

    async def read_range(self, name: str, start: int, length: int) -> bytes:
        """Give a part of the content; raises FileNotFoundError."""

    async def open(self, name: str) -> IO[bytes]:
        """Give the content as an open local file, to be closed; raises FileNotFoundError."""

    async def public_url(self, name: str) -> str | None:
        """Give where browsers get the content by themselves, or None: through us."""

    async def delete(self, name: str) -> bool:
        """Remove a blob; False when there was none."""

    async def exists(self, name: str) -> bool:
        """Say whether there is a blob of that name."""

    async def size(self, name: str) -> int:
        """Give the content's length in bytes; raises FileNotFoundError."""

    def path(self, name: str) -> Path | None:
        """Give the local file that holds the blob, or None where blobs are not local files."""


class TooMuch(Exception):
    """More bytes came than were allowed."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What came piece by piece and has no name yet: its file, SHA-256 in hex, and length."""

    path: Path
    sha256: str
    size: int


class BlobFolder:
    """A `BlobStore` in a folder: `ab/cd/abcd….png`.

    A blob appears under its name only when all of it is on the disk, so a crash leaves at most a
    stray file in `incoming/`, which `sweep` removes.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: str) -> Path:
        """Give where the blob is, or would be. Raises ValueError unless `name` is a blob's name."""
        if _NAME.fullmatch(name) is None:
            raise ValueError("not the name of a blob")
        return self._root / name[:2] / name[2:4] / name

    async def put(self, data: Content, *, suffix: str) -> str:
        """Keep `data` and give its name. Doing it again changes nothing."""
        if not is_suffix(suffix):
            raise ValueError("a suffix is a dot and 1 to 8 letters or digits")
        return await asyncio.to_thread(self._put, data, suffix)

    async def read(self, name: str) -> bytes:
        """Give the content; raises FileNotFoundError."""
        return await asyncio.to_thread(self.path(name).read_bytes)

    async def read_range(self, name: str, start: int, length: int) -> bytes:
        """Give a part of the content; raises FileNotFoundError."""
        return await asyncio.to_thread(_read_range, self.path(name), start, length)

    async def open(self, name: str) -> IO[bytes]:
        """Give the content as an open file, to be closed; raises FileNotFoundError."""
        return await asyncio.to_thread(self.path(name).open, "rb")

    async def public_url(self, name: str) -> str | None:
        """Browsers cannot look into the folder."""
        return None

    async def delete(self, name: str) -> bool:
        """Remove a blob; False when there was none."""
        return await asyncio.to_thread(_unlink, self.path(name))

    async def exists(self, name: str) -> bool:
        """Say whether there is a blob of that name."""
        return await asyncio.to_thread(self.path(name).is_file)

    async def size(self, name: str) -> int:
        """Give the content's length in bytes; raises FileNotFoundError."""
        status = await asyncio.to_thread(self.path(name).stat)
        return status.st_size

    async def receive(self, pieces: AsyncIterable[bytes], *, max_bytes: int) -> Incoming:
        """Write what comes to the disk, little of it in memory at a time.

        The caller then keeps or drops it. Raises TooMuch, and leaves nothing behind.
        """
        descriptor, text = await asyncio.to_thread(self._open_incoming)
        path, digest, size = Path(text), hashlib.sha256(), 0
        try:
            with os.fdopen(descriptor, "wb") as target:
                async for piece in pieces:
                    size += len(piece)
                    if size > max_bytes:
                        raise TooMuch
                    await asyncio.to_thread(_append, target, digest, piece)
                await asyncio.to_thread(_flush, target)
        except BaseException:
            # At once, also where this is being cancelled: nothing may be awaited then.
            _unlink(path)
            raise
        return Incoming(path, digest.hexdigest(), size)

    async def keep(self, incoming: Incoming, *, suffix: str) -> str:
        """Give what came its name, durably. Doing it again changes nothing."""
        name = incoming.sha256 + suffix
        await asyncio.to_thread(self._settle, incoming.path, self.path(name))
        return name

    async def drop(self, incoming: Incoming) -> None:
        """Remove what is left of what came, after it was kept or instead."""
        await asyncio.to_thread(_unlink, incoming.path)

    async def sweep(self, before: datetime) -> int:
        """Remove half-written files last touched before `before`; gives how many.

        Other processes may be writing to the folder, so `before` should be an hour ago.
        """
        return await asyncio.to_thread(self._sweep, before.timestamp())

    async def names_before(self, before: datetime) -> list[str]:
        """Give the names of all blobs that were written before that time. Reads every folder."""
        return await asyncio.to_thread(self._names_before, before.timestamp())

    def _names_before(self, before_s: float) -> list[str]:
        files = self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")
        return [one.name for one in files if is_blob_name(one.name) and _written_at(one) < before_s]

    def _put(self, data: Content, suffix: str) -> str:
        if isinstance(data, bytes):
            known = hashlib.sha256(data).hexdigest() + suffix
            if self.path(known).is_file():
                return known
        temporary, digest = self._write_incoming(data)
        try:
            name = digest + suffix
            self._settle(temporary, self.path(name))
        finally:
            temporary.unlink(missing_ok=True)
        return name

    def _open_incoming(self) -> tuple[int, str]:
        incoming = self._root / _INCOMING
        incoming.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=incoming)

    def _write_incoming(self, data: Content) -> tuple[Path, str]:
        descriptor, text = self._open_incoming()
        temporary = Path(text)
        try:
            digest = _fill(descriptor, data)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        return temporary, digest

    def _settle(self, temporary: Path, final: Path) -> None:
        if final.is_file():
            return
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(final)
        # The file's entry and, the first time, the entries of the two folders above it.
        for folder in (final.parent, final.parent.parent, self._root):
            _sync_folder(folder)

    def _sweep(self, before_s: float) -> int:
        incoming = self._root / _INCOMING
        if not incoming.is_dir():
            return 0
        old = [entry for entry in incoming.iterdir() if entry.stat().st_mtime < before_s]
        return sum(_unlink(entry) for entry in old)


def _fill(descriptor: int, data: Content) -> str:
    """Write `data` to the open file, down to the disk, and give its SHA-256 in hex."""
    digest = hashlib.sha256()
    with os.fdopen(descriptor, "wb") as target:
        for chunk in _chunks(data):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    return digest.hexdigest()


def _append(target: IO[bytes], digest: "hashlib._Hash", piece: bytes) -> None:
    digest.update(piece)
    target.write(piece)


def _flush(target: IO[bytes]) -> None:
    target.flush()
    os.fsync(target.fileno())


def _chunks(data: Content) -> Iterator[bytes]:
    if isinstance(data, bytes):
        yield data
    elif isinstance(data, Path):
        with data.open("rb") as source:
            yield from _chunks(source)
    else:
        data.seek(0)
        while chunk := data.read(_CHUNK_BYTES):
            yield chunk


def name_of(data: Content, suffix: str) -> str:
    """Give the name under which `data` is or would be kept; reads all of it."""
    digest = hashlib.sha256()
    for chunk in _chunks(data):
        digest.update(chunk)
    return digest.hexdigest() + suffix


def is_suffix(suffix: str) -> bool:
    """Whether `suffix` is one that a name may end with."""
    return _SUFFIX.fullmatch(suffix) is not None


def is_blob_name(name: str) -> bool:
    """Whether `name` is of the form that names have."""
    return _NAME.fullmatch(name) is not None


def _read_range(path: Path, start: int, length: int) -> bytes:
    with path.open("rb") as source:
        source.seek(start)
        return source.read(length)


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _unlink(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

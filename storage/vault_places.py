"""Places where the vault's sealed objects are kept: a folder, or an S3-compatible bucket.

Names are like paths (`log/0000000001-1f2e/0000000017.wal`), written once and never changed. What
cannot be done now raises PlaceUnavailable.
"""

import asyncio
import os
import re
import secrets
from pathlib import Path
from typing import Final, Protocol

import obstore
from obstore.exceptions import BaseError

from storage.bucket import BucketPlace, open_store

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")
_DRAFT: Final = ".draft-"

Names = list[str]


class PlaceUnavailable(OSError):
    """A place cannot be reached, is full, or refuses."""


class Place(Protocol):
    """Where sealed objects are kept."""

    async def put(self, name: str, data: bytes) -> None:
        """Keep an object durably. Doing it again with the same content changes nothing."""

    async def get(self, name: str) -> bytes:
        """Give an object; raises FileNotFoundError."""

    async def list(self, prefix: str = "") -> list[str]:
        """Give the names that begin with `prefix`, in order."""

    async def delete(self, name: str) -> None:
        """Remove an object; one that is not there is fine."""


class FolderPlace:
    """A `Place` in a folder. An object appears under its name when all of it is on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, data: bytes) -> None:
        """Keep an object durably: when this returns, the disk has it."""
        try:
            await asyncio.to_thread(self._put, self._path(name), data)
        except OSError as error:
            raise PlaceUnavailable(f"{self._root}: {error.strerror or error}") from error

    async def get(self, name: str) -> bytes:
        """Give an object; raises FileNotFoundError."""
        try:
            return await asyncio.to_thread(self._path(name).read_bytes)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise PlaceUnavailable(f"{self._root}: {error.strerror or error}") from error

    async def list(self, prefix: str = "") -> list[str]:
        """Give the names that begin with `prefix`. A folder that is not there raises, so that a
        disk that is not mounted does not pass for an empty one."""
        return await asyncio.to_thread(self._list, prefix)

    async def delete(self, name: str) -> None:
        """Remove an object."""
        try:
            await asyncio.to_thread(self._path(name).unlink, missing_ok=True)
        except OSError as error:
            raise PlaceUnavailable(f"{self._root}: {error.strerror or error}") from error

    def read(self, name: str) -> bytes:
        """As `get`, for threads."""
        return self._path(name).read_bytes()

    def _path(self, name: str) -> Path:
        return self._root / checked_name(name)

    def _put(self, path: Path, data: bytes) -> None:
        if not self._root.is_dir():
            raise FileNotFoundError(f"the folder {self._root} is not there: make or mount it")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"{_DRAFT}{secrets.token_hex(8)}")
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)

    def _list(self, prefix: str) -> Names:
        if not self._root.is_dir():
            raise PlaceUnavailable(f"the folder {self._root} is not there: make or mount it")
        start = self._root / prefix.rpartition("/")[0]
        files = (path for path in start.rglob("*") if path.is_file())
        names = (path.relative_to(self._root).as_posix() for path in files)
        return sorted(one for one in names if one.startswith(prefix) and _DRAFT not in one)


class BucketObjects:
    """A `Place` in an S3-compatible bucket."""

    def __init__(self, place: BucketPlace) -> None:
        self._prefix = place.prefix
        self._store = open_store(place, retries=1)

    async def put(self, name: str, data: bytes) -> None:
        """Keep an object: when this returns, the service has confirmed it."""
        try:
            await obstore.put_async(self._store, self._key(name), data)
        except (BaseError, FileNotFoundError) as error:  # the latter for the bucket itself
            raise PlaceUnavailable(f"the bucket does not take {name}: {error}") from error

    async def get(self, name: str) -> bytes:
        """Give an object; raises FileNotFoundError."""
        try:
            found = await obstore.get_async(self._store, self._key(name))
            return bytes(await found.bytes_async())
        except FileNotFoundError:
            raise
        except BaseError as error:
            raise PlaceUnavailable(f"the bucket does not give {name}: {error}") from error

    async def list(self, prefix: str = "") -> list[str]:
        """Give the names that begin with `prefix`, in order."""
        folder = f"{self._prefix}{prefix.rpartition('/')[0]}"
        names: list[str] = []
        try:
            async for page in obstore.list(self._store, folder or None):
                names += [one["path"].removeprefix(self._prefix) for one in page]
        except (BaseError, FileNotFoundError) as error:
            raise PlaceUnavailable(f"the bucket does not list: {error}") from error
        return sorted(one for one in names if one.startswith(prefix))

    async def delete(self, name: str) -> None:
        """Remove an object."""
        try:
            await obstore.delete_async(self._store, self._key(name))
        except FileNotFoundError:
            return
        except BaseError as error:
            raise PlaceUnavailable(f"the bucket does not delete {name}: {error}") from error

    def _key(self, name: str) -> str:
        return f"{self._prefix}{checked_name(name)}"


def checked_name(name: str) -> str:
    """Give `name` back; raises ValueError for one that is none."""
    if _NAME.fullmatch(name) is None:
        raise ValueError("not the name of an object in the vault")
    return name


def sync_folder(folder: Path) -> None:
    """Have the entries of a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

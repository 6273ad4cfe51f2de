"""The folder that is written: whole files only, and a journal by which the next run goes on.

The journal has a line for each thing that was written out: what it was (a post, a person), in which
version, and its files with their SHA-256. A run that was interrupted leaves what is there; the next
one passes over what is still in the same version.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final

import msgspec

JOURNAL: Final = ".fedserver-export.jsonl"
MANIFEST: Final = "manifest.sha256"
_PIECE_BYTES: Final = 1024 * 1024


class Entry(msgspec.Struct, frozen=True):
    """A line of the journal. `files` are paths with the SHA-256 of their content, `media` names of
    media files, `activity` the URI of the activity that made it."""

    key: str
    version: str
    files: dict[str, str]
    media: list[str] = []
    activity: str | None = None


class Tree:
    """The folder, between two runs."""

    def __init__(self, root: Path) -> None:
        """Open the folder, made if it is not there, with what its journal says."""
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        self._before = _read_journal(root / JOURNAL)
        self._now: dict[str, Entry] = {}
        self._journal = (root / JOURNAL).open("ab")

    def close(self) -> None:
        """Close the journal; what it says stays true."""
        self._journal.close()

    def unchanged(self, key: str, version: str) -> Entry | None:
        """Give what was written of `key` if that was this version and is all there; it counts as
        written in this run, too."""
        entry = self._before.get(key)
        if entry is None or entry.version != version:
            return None
        if not all((self._root / path).is_file() for path in entry.files):
            return None
        self._now[key] = entry
        return entry

    async def write(self, entry_of: Entry, contents: Mapping[str, bytes]) -> Entry:
        """Write the files of a thing, and note that. Gives the entry with their hashes."""
        return await asyncio.to_thread(self._write, entry_of, contents)

    def _write(self, draft: Entry, contents: Mapping[str, bytes]) -> Entry:
        hashes = {path: hashlib.sha256(data).hexdigest() for path, data in contents.items()}
        before = self._before.get(draft.key)
        known = before.files if before is not None else {}
        for path, data in contents.items():
            if known.get(path) != hashes[path] or not (self._root / path).is_file():
                _write_whole(self._root / path, data)
        entry = msgspec.structs.replace(draft, files=hashes)
        self._journal.write(msgspec.json.encode(entry) + b"\n")
        self._journal.flush()
        self._now[entry.key] = entry
        return entry

    def media_wanted(self) -> set[str]:
        """Give the names of all media files that something shows."""
        return {name for entry in self._now.values() for name in entry.media}

    def has_media(self, name: str) -> bool:
        """Say whether a media file is there."""
        return (self._root / "media" / name).is_file()

    async def write_media(self, name: str, source: IO[bytes]) -> None:
        """Write a media file."""
        await asyncio.to_thread(self._write_media, name, source)

    def _write_media(self, name: str, source: IO[bytes]) -> None:
        path = self._root / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{name}.part")
        with part.open("wb") as target:
            shutil.copyfileobj(source, target, _PIECE_BYTES)
        part.replace(path)

    async def finish(self) -> str:
        """Remove what is not public any more, and write the manifest and a short journal. Gives the
        SHA-256 of the manifest."""
        return await asyncio.to_thread(self._finish)

    def _finish(self) -> str:
        wanted = {path: sha for entry in self._now.values() for path, sha in entry.files.items()}
        for entry in self._before.values():
            for path in set(entry.files) - wanted.keys():
                self._remove(path)
        for name in self._media_there() - self.media_wanted():
            self._remove(f"media/{name}")
        wanted |= {f"media/{name}": name.partition(".")[0] for name in self._media_there()}
        lines = "".join(f"{sha}  {path}\n" for path, sha in sorted(wanted.items())).encode()
        _write_whole(self._root / MANIFEST, lines)
        self._journal.close()
        short = b"".join(msgspec.json.encode(entry) + b"\n" for entry in self._now.values())
        _write_whole(self._root / JOURNAL, short)
        return hashlib.sha256(lines).hexdigest()

    def _media_there(self) -> set[str]:
        folder = self._root / "media"
        if not folder.is_dir():
            return set()
        return {one.name for one in folder.iterdir() if not one.name.startswith(".")}

    def _remove(self, path: str) -> None:
        file = self._root / path
        file.unlink(missing_ok=True)
        for folder in file.parents:
            if folder == self._root or not _is_empty(folder):
                return
            folder.rmdir()


def _is_empty(folder: Path) -> bool:
    return folder.is_dir() and next(folder.iterdir(), None) is None


def _read_journal(path: Path) -> dict[str, Entry]:
    return {entry.key: entry for entry in _entries(path)}


def _entries(path: Path) -> Iterator[Entry]:
    if not path.is_file():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield msgspec.json.decode(line, type=Entry)
            except msgspec.DecodeError:
                continue  # the last line of a run that was killed


def _write_whole(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)

"""The container of a kit: a tar with a manifest (FEP-6fcd), written and read within limits.

Names are Mastodon's where it has one, so that other tools find what they look for. The manifest is
JSON, which is YAML too.
"""

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Final

from fedserver.errors import Invalid

MANIFEST: Final = "manifest.yml"
FOLDER: Final = "activitypub"
MEDIA: Final = "media"
KEYS: Final = "keys"
MAX_ENTRIES: Final = 200_000
MAX_TEXT_BYTES: Final = 256 * 1024 * 1024
MAX_MEDIA_BYTES: Final = 256 * 1024 * 1024

_ABOUT: Final[Mapping[str, str]] = {
    "actor.json": "https://www.w3.org/TR/activitypub/#actor-objects",
    "outbox.json": "https://www.w3.org/TR/activitystreams-core/#collections",
    **dict.fromkeys(
        (
            "followers.csv",
            "following_accounts.csv",
            "lists.csv",
            "blocked_accounts.csv",
            "muted_accounts.csv",
            "blocked_domains.csv",
            "bookmarks.csv",
        ),
        "https://docs.joinmastodon.org/user/moving/#export",
    ),
}


@dataclass(slots=True)
class KitWriter:
    """Writes entries as they come; the manifest, which names them all, is the last."""

    tar: tarfile.TarFile
    made_at: float
    client: str
    names: list[str] = field(default_factory=list)

    def add(self, name: str, content: bytes) -> None:
        """Add a file that is in memory."""
        self.add_file(name, io.BytesIO(content), len(content))

    def add_file(self, name: str, content: IO[bytes], size: int) -> None:
        """Add a file of `size` bytes."""
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = size, self.made_at, 0o600
        self.tar.addfile(info, content)
        self.names.append(name)

    def finish(self) -> None:
        """Write the manifest."""
        manifest = {
            "ubc-version": "0.1",
            "meta": {"createdBy": {"client": {"name": "fedserver", "url": self.client}}},
            "contents": _tree(self.names),
        }
        self.add(MANIFEST, json.dumps(manifest, indent=2, ensure_ascii=False).encode())


def _tree(names: list[str]) -> dict[str, Any]:
    tree: dict[str, Any] = {MANIFEST: {"url": "https://w3id.org/fep/6fcd#manifest-file"}}
    for name in names:
        folder, _, file = name.rpartition("/")
        place = tree.setdefault(folder, {"contents": {}})["contents"] if folder else tree
        about = _ABOUT.get(file) if folder == FOLDER else None
        place[file] = {"url": about} if about else {}
    return tree


@contextmanager
def writing(target: BinaryIO, *, made_at: float, client: str) -> Iterator[KitWriter]:
    """Write a kit into `target`; the manifest is written at the end of the block."""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        writer = KitWriter(tar, made_at, client)
        yield writer
        writer.finish()


class KitReader:
    """Reads a kit that is a local file. What is in it may come from anybody."""

    def __init__(self, source: BinaryIO) -> None:
        """Look at all names; raises Invalid for what is no kit."""
        try:
            self._tar = tarfile.open(fileobj=source, mode="r:")  # noqa: SIM115 - open as long as the reader
            self._entries = self._listed()
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise Invalid(f"This is not a kit: {error}") from None
        if MANIFEST not in self._entries:
            raise Invalid("This is not a kit: it has no manifest")

    def _listed(self) -> dict[str, tarfile.TarInfo]:
        found: dict[str, tarfile.TarInfo] = {}
        for info in self._tar:
            if len(found) >= MAX_ENTRIES:
                raise Invalid("This is not a kit: it has too many entries")
            if info.isreg():  # links and devices are nothing to us
                found[info.name] = info
        return found

    def __contains__(self, name: str) -> bool:
        return name in self._entries

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, in order."""
        return sorted(name for name in self._entries if name.startswith(f"{folder}/"))

    def read(self, name: str, *, most: int = MAX_TEXT_BYTES) -> bytes:
        """Give a file; b"" for one that is not there. Raises Invalid for one that is too large or
        cut off."""
        info = self._entries.get(name)
        if info is None:
            return b""
        if info.size > most:
            raise Invalid(f"{name} in the kit is larger than {most} bytes")
        try:
            file = self._tar.extractfile(info)
            content = file.read() if file is not None else b""
        except (tarfile.TarError, OSError) as error:
            raise Invalid(f"{name} in the kit cannot be read: {error}") from None
        if len(content) != info.size:
            raise Invalid(f"{name} in the kit is cut off")
        return content

    def json(self, name: str) -> dict[str, Any]:
        """Give a JSON object; raises Invalid for anything else."""
        try:
            value = json.loads(self.read(name) or b"null")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Invalid(f"{name} in the kit is not a JSON object")
        return value

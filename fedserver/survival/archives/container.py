"""The container of archives and kits: a tar with a manifest (FEP-6fcd), written and read in limits.

Names are Mastodon's where it has one, so that other tools find what they look for. The manifest is
JSON, which is YAML too.
"""

import gzip
import io
import json
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any, BinaryIO, Final, cast

from fedserver.errors import Invalid

MANIFEST: Final = "manifest.yml"
FOLDER: Final = "activitypub"
MEDIA: Final = "media"
KEYS: Final = "keys"
MAX_ENTRIES: Final = 200_000
MAX_TEXT_BYTES: Final = 256 * 1024 * 1024
MAX_MEDIA_BYTES: Final = 256 * 1024 * 1024
MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024 * 1024

_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
_PIECE_BYTES: Final = 1024 * 1024
# Posts become a thirtieth; what becomes a thousandth is there to fill the disk.
_MOST_TIMES_LARGER: Final = 200
# What the libraries raise, beside their own errors, for bytes that are not what they say.
_DAMAGES: Final = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    zlib.error,
)
_Opener = Callable[[str], IO[bytes]]

_ABOUT: Final[Mapping[str, str]] = {
    "actor.json": "https://www.w3.org/TR/activitypub/#actor-objects",
    **dict.fromkeys(
        ("outbox.json", "likes.json", "bookmarks.json"),
        "https://www.w3.org/TR/activitystreams-core/#collections",
    ),
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
class ArchiveWriter:
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
def writing(target: BinaryIO, *, made_at: float, client: str) -> Iterator[ArchiveWriter]:
    """Write an archive into `target`; the manifest is written at the end of the block."""
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        writer = ArchiveWriter(tar, made_at, client)
        yield writer
        writer.finish()


class ArchiveReader:
    """Reads an archive that is a local file: a tar, which may be compressed, or a zip. What is in
    it may come from anybody."""

    def __init__(self, source: BinaryIO) -> None:
        """Look at all names; raises Invalid for what is no archive. Not for the event loop."""
        try:
            self._sizes, self._open = _zip(source) if _is_zip(source) else _tar(source)
        except (tarfile.TarError, zipfile.BadZipFile, *_DAMAGES) as error:
            raise Invalid(f"This is not an archive: {error}") from None

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def names(self, folder: str = "") -> list[str]:
        """Give the names of the files, in order; with `folder` of those in it."""
        start = f"{folder}/" if folder else ""
        return sorted(name for name in self._sizes if name.startswith(start))

    def read(self, name: str, *, most: int = MAX_TEXT_BYTES) -> bytes:
        """Give a file; b"" for one that is not there. Raises Invalid for one that is too large or
        cut off."""
        size = self._sizes.get(name)
        if size is None:
            return b""
        if size > most:
            raise Invalid(f"{name} in the archive is larger than {most} bytes")
        try:
            with self._open(name) as file:
                content = file.read(size + 1)
        except (tarfile.TarError, zipfile.BadZipFile, *_DAMAGES) as error:
            raise Invalid(f"{name} in the archive cannot be read: {error}") from None
        if len(content) != size:
            raise Invalid(f"{name} in the archive is not as long as it says")
        return content

    def json(self, name: str) -> dict[str, Any]:
        """Give a JSON object; raises Invalid for anything else."""
        try:
            value = json.loads(self.read(name) or b"null")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Invalid(f"{name} in the archive is not a JSON object")
        return value


def _is_zip(source: BinaryIO) -> bool:
    source.seek(0)
    head = source.read(len(_ZIP))
    source.seek(0)
    return head == _ZIP


def _zip(source: BinaryIO) -> tuple[dict[str, int], _Opener]:
    whole = zipfile.ZipFile(source)
    found = {one.filename: one.file_size for one in whole.infolist() if not one.is_dir()}
    if len(found) > MAX_ENTRIES:
        raise Invalid("This is not an archive: it has too many entries")
    return found, whole.open


@dataclass(slots=True)
class _Sipped:
    """A file of which no more than `most` bytes are read at once: a header of a tar says how long
    it is, and is read whole."""

    file: BinaryIO
    most: int = _PIECE_BYTES

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.most:
            raise Invalid("This is not an archive: a header in it is too large")
        return self.file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()


def _tar(source: BinaryIO) -> tuple[dict[str, int], _Opener]:
    sipped = _Sipped(_uncompressed(source))
    whole = tarfile.open(fileobj=cast("BinaryIO", sipped), mode="r:")  # noqa: SIM115 - open as long as the reader
    found: dict[str, tarfile.TarInfo] = {}
    for info in whole:
        if len(found) >= MAX_ENTRIES:
            raise Invalid("This is not an archive: it has too many entries")
        if info.isreg():  # links and devices are nothing to us
            found[info.name.removeprefix("./")] = info
    sipped.most = MAX_UNPACKED_BYTES  # whoever reads a file has its size in mind

    def opened(name: str) -> IO[bytes]:
        return whole.extractfile(found[name]) or io.BytesIO()

    return {name: info.size for name, info in found.items()}, opened


def _uncompressed(source: BinaryIO) -> BinaryIO:
    """A compressed tar is unpacked first, within a limit: its files are not read in order."""
    if source.read(len(_GZIP)) != _GZIP:
        source.seek(0)
        return source
    most = min(MAX_UNPACKED_BYTES, source.seek(0, 2) * _MOST_TIMES_LARGER + _PIECE_BYTES)
    source.seek(0)
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the reader
    length = 0
    with gzip.GzipFile(fileobj=source, mode="rb") as packed:
        while piece := packed.read(_PIECE_BYTES):
            length += len(piece)
            if length > most:
                raise Invalid("This is not an archive: unpacked it is too large")
            plain.write(piece)
    plain.seek(0)
    return cast("BinaryIO", plain)

"""Archives as servers write them: ours, those of Mastodon, GoToSocial, Hollo, Pixelfed, Misskey.

Each becomes posts as ActivityStreams and lists as Mastodon's CSV. Where a server does not name the
account, whoever brings the archive says it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, Protocol, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from fedserver.errors import Invalid
from fedserver.services.portable_lists import Kind, as_csv
from fedserver.survival.archives import misskey
from fedserver.survival.archives.container import MAX_TEXT_BYTES, ArchiveReader
from fedserver.survival.archives.posts import items_of

Json = Mapping[str, Any]
T = TypeVar("T")

# The names that servers give to lists; Misskey's end with the date.
_CSV: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = (
    (re.compile(r"(following_accounts|following|follows|following-.*)\.csv"), "follows"),
    (re.compile(r"(blocked_accounts|blocks|blocking-.*)\.csv"), "blocks"),
    (re.compile(r"(muted_accounts|mutes|mute-.*)\.csv"), "mutes"),
    (re.compile(r"(lists|user-lists-.*)\.csv"), "lists"),
    (re.compile(r"bookmarks\.csv"), "bookmarks"),
    (re.compile(r"(blocked_domains|domain_blocks)\.csv"), "domain_blocks"),
)
_NOTES: Final = re.compile(r"notes(-.*)?\.json")
_HANDLE: Final = re.compile(r"@?([^@/\s]+)@([^@/\s]+)")
_MAX_LIST_BYTES: Final = 16 * 1024 * 1024
# Every end of a path is made: without limits the work grows with the square of its length.
_MAX_PATH_CHARS: Final = 2_048
_MAX_PATH_PARTS: Final = 32


class _Files(Protocol):
    """Files by name."""

    def __contains__(self, name: str) -> bool: ...
    def names(self, folder: str = "") -> list[str]: ...
    def read(self, name: str, *, most: int = ...) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _LooseFile:
    """One file that is no archive, under the name that its content has in archives."""

    name: str
    content: bytes

    def __contains__(self, name: str) -> bool:
        return name == self.name

    def names(self, folder: str = "") -> list[str]:
        return [self.name]

    def read(self, name: str, *, most: int = MAX_TEXT_BYTES) -> bytes:
        return self.content if name == self.name else b""


class _Owner(msgspec.Struct, frozen=True):
    """What is asked of an actor document."""

    id: str
    followers: str | None = None


class _Pixelfed(msgspec.Struct, frozen=True):
    data: list[dict[str, Any]]


class _PixelfedFilters(msgspec.Struct, frozen=True):
    muted: list[str] = []
    blocked: list[str] = []


@dataclass(frozen=True, slots=True)
class ArchiveSource:
    """An archive: whose it is, posts, files and lists (`PostSource`)."""

    uri: str
    followers: str | None
    files: _Files
    items: Sequence[msgspec.Raw]
    lists: Mapping[Kind, str]
    _ends: Mapping[str, str] = field(default_factory=dict)

    def posts(self) -> Sequence[msgspec.Raw]:
        """Give the posts, unread."""
        return self.items

    def file_of(self, url: str) -> str | None:
        """Give the name of the file whose path ends as that of `url`: servers leave out the first
        parts of the path."""
        if len(url) > _MAX_PATH_CHARS:
            return None
        for end in _path_ends(unquote(_split(url).path).strip("/")):
            name = self._ends.get(end)
            if name is not None:
                return name
        return None

    def read(self, name: str, *, most: int) -> bytes:
        """Give a file."""
        return self.files.read(name, most=most)


def open_archive(file: BinaryIO, former: str = "") -> ArchiveSource:
    """Read what `file` is. `former`: the old account as address or handle, for archives that do
    not say. Raises Invalid for what cannot be read, and where it has to be said. Not for the event
    loop."""
    files = _files_in(file)
    owner = _owner(files, former)
    items = _posts_in(files, owner)
    lists = _lists_in(files)
    if not items and not lists:
        raise Invalid("Nothing in this file can be brought in: no posts, no lists")
    if items and owner is None:
        raise Invalid(
            "This archive does not say whose it is: name the old account, as in name@example.org"
        )
    return ArchiveSource(
        uri=owner.id if owner else "",
        followers=owner.followers if owner else None,
        files=files,
        items=items,
        lists=lists,
        _ends=_ends_of(files.names()),
    )


def _files_in(file: BinaryIO) -> _Files:
    file.seek(0)
    first = file.read(64).lstrip()[:1]
    file.seek(0)
    if first not in (b"[", b"{"):
        return ArchiveReader(file)
    content = file.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise Invalid("This file is too large to be read")
    return _LooseFile("notes.json" if first == b"[" else "outbox.json", content)


def _named(files: _Files, name: str) -> str | None:
    """Give the file of that name which lies highest."""
    found = [one for one in files.names() if one.rpartition("/")[2] == name]
    return min(found, key=lambda one: one.count("/"), default=None)


def _owner(files: _Files, former: str) -> _Owner | None:
    for name in ("actor.json", "account.json"):
        place = _named(files, name)
        if place is not None:
            owner = _decoded(files.read(place), _Owner, place)
            if len(owner.id) > _MAX_PATH_CHARS:
                raise Invalid(f"The address in {place} of the archive is too long")
            return owner
    if not former:
        return None
    if len(former) > _MAX_PATH_CHARS:
        raise Invalid("The address of the old account is too long")
    handle = _HANDLE.fullmatch(former.strip())
    uri = f"https://{handle.group(2)}/@{handle.group(1)}" if handle else former.strip()
    if _split(uri).scheme in ("http", "https") and _split(uri).netloc:
        return _Owner(uri, f"{uri}/followers")
    raise Invalid("Name the old account as in name@example.org, or by its address")


def _decoded(content: bytes, shape: type[T], name: str) -> T:
    try:
        return msgspec.json.decode(content, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"{name} in the archive cannot be read: {error}") from None


def _posts_in(files: _Files, owner: _Owner | None) -> Sequence[msgspec.Raw]:
    place = _named(files, "outbox.json")
    if place is not None:
        content = files.read(place)
        if _is_pixelfed(content):
            return _pixelfed(content, place)
        return [_with_whole_urls(one) for one in items_of(content)]
    notes = next((one for one in files.names() if _NOTES.fullmatch(one.rpartition("/")[2])), None)
    if notes is None:
        return ()
    return misskey.creates(files.read(notes), owner.id if owner else "", _followers(owner))


def _followers(owner: _Owner | None) -> str:
    return owner.followers or "" if owner else ""


def _is_pixelfed(content: bytes) -> bool:
    return re.match(rb'\s*\{\s*"data"\s*:', content) is not None


def _pixelfed(content: bytes, place: str) -> list[msgspec.Raw]:
    """Notes without their activities, in no order that is said."""
    notes = _decoded(content, _Pixelfed, place).data
    dated = sorted(notes, key=lambda note: str(note.get("published", "")))
    return [_create(note) for note in dated]


def _create(note: Json) -> msgspec.Raw:
    create = {
        "id": f"{note.get('id')}/activity",
        "type": "Create",
        "actor": note.get("attributedTo"),
        "to": note.get("to", []),
        "cc": note.get("cc", []),
        "published": note.get("published"),
        "object": note,
    }
    return msgspec.Raw(msgspec.json.encode(create))


# Mastodon names the files of posts by their path in the archive.
_RELATIVE: Final = re.compile(rb'"url"\s*:\s*"(?=/?(?:system/|media_attachments/|files/|cache/))/?')
_NOWHERE: Final = b'"url":"https://archive.invalid/'


def _with_whole_urls(item: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(_RELATIVE.sub(_NOWHERE, bytes(item)))


def _ends_of(names: Iterable[str]) -> dict[str, str]:
    """Give each file by its whole path, and by the ends of it that no other has."""
    found: dict[str, str | None] = {}
    for name in names:
        for end in _path_ends(name):
            found[end] = None if end in found and end != name else name
    return {end: name for end, name in found.items() if name is not None}


def _split(url: str) -> SplitResult:
    """Give the parts of an address; none of what is no address."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _path_ends(path: str) -> list[str]:
    """Give the whole path, then its ends, ever shorter; nothing for what no server writes."""
    parts = path.split("/")
    if len(path) > _MAX_PATH_CHARS or len(parts) > _MAX_PATH_PARTS:
        return []
    return ["/".join(parts[start:]) for start in range(len(parts))]


def _lists_in(files: _Files) -> dict[Kind, str]:
    found: dict[Kind, str] = {}
    for name in files.names():
        for shape, kind in _CSV:
            if shape.fullmatch(name.rpartition("/")[2]):
                text = files.read(name, most=_MAX_LIST_BYTES).decode(errors="replace")
                found[kind] = _as_mastodon_has_it(name, text)
    return found | _pixelfed_lists(files)


def _as_mastodon_has_it(name: str, text: str) -> str:
    """Misskey's second column is about replies; Mastodon's is about boosts."""
    if re.match(r"(following|blocking|mute)-", name.rpartition("/")[2]) is None:
        return text
    return "\n".join(line.partition(",")[0] for line in text.splitlines())


def _pixelfed_lists(files: _Files) -> dict[Kind, str]:
    found: dict[Kind, str] = {}
    following = _named(files, "following.json")
    if following is not None:
        found["follows"] = _addresses(_decoded(files.read(following), list[str], following))
    filters = _named(files, "muted-and-blocked-accounts.json")
    if filters is not None:
        both = _decoded(files.read(filters), _PixelfedFilters, filters)
        found |= {"mutes": _addresses(both.muted), "blocks": _addresses(both.blocked)}
    return {kind: text for kind, text in found.items() if text}


def _addresses(urls: Iterable[str]) -> str:
    """Give handles of Pixelfed's addresses: https://HOST/NAME, or https://HOST/users/NAME."""
    parts = [(_split(url).netloc, _split(url).path.rpartition("/")[2]) for url in urls]
    return as_csv([(f"{name.lstrip('@')}@{host}",) for host, name in parts if host and name])

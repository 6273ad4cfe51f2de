"""Misskey's notes (notes-DATE.json) as ActivityStreams.

The file names neither the server nor the author: both come with the old account's address.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from activitypub.addressing import PUBLIC
from fedserver.errors import Invalid

Json = dict[str, Any]

_SINGLE_PEOPLE: Final[tuple[list[str], list[str]]] = ([], [])


class _Choices(msgspec.Struct, frozen=True):
    choices: list[str]
    multiple: bool = False
    expiresAt: str | None = None
    votes: list[int] = []


class _File(msgspec.Struct, frozen=True):
    url: str = ""
    type: str = "application/octet-stream"
    name: str = ""
    comment: str | None = None
    isSensitive: bool = False


class _Note(msgspec.Struct, frozen=True):
    id: str
    createdAt: str
    text: str | None = None
    cw: str | None = None
    visibility: str = "specified"
    replyId: str | None = None
    renoteId: str | None = None
    files: list[_File] = []
    poll: _Choices | None = None


def creates(content: bytes, author: str, followers: str) -> list[msgspec.Raw]:
    """Give the Creates of the notes of `author`, the oldest first; renotes are left out.

    Raises Invalid for what is no list of notes.
    """
    try:
        notes = msgspec.json.decode(content, type=list[_Note])
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid(f"The notes cannot be read: {error}") from None
    host = urlsplit(author)
    base = f"{host.scheme}://{host.netloc}/notes/"
    own = [note for note in notes if note.text or note.files or note.poll]
    return [_create(note, author, followers, base) for note in own]


def _create(note: _Note, author: str, followers: str, base: str) -> msgspec.Raw:
    to, cc = _addressing(note.visibility, followers)
    shown = _object(note, author, base) | {"to": to, "cc": cc}
    create = {
        "id": f"{base}{note.id}/activity",
        "type": "Create",
        "actor": author,
        "published": note.createdAt,
        "to": to,
        "cc": cc,
        "object": shown,
    }
    return msgspec.Raw(msgspec.json.encode(create))


def _addressing(visibility: str, followers: str) -> tuple[list[str], list[str]]:
    by_word: Mapping[str, tuple[list[str], list[str]]] = {
        "public": ([PUBLIC], [followers]),
        "home": ([followers], [PUBLIC]),
        "followers": ([followers], []),
    }
    return by_word.get(visibility, _SINGLE_PEOPLE)


def _object(note: _Note, author: str, base: str) -> Json:
    text = note.text or ""
    if note.renoteId is not None:
        text = f"{text}\n\nRE: {base}{note.renoteId}"
    shown: Json = {
        "id": f"{base}{note.id}",
        "type": "Note",
        "attributedTo": author,
        "published": note.createdAt,
        "url": f"{base}{note.id}",
        "content": text,
        "mediaType": "text/x.misskeymarkdown",
        "summary": note.cw,
        "sensitive": note.cw is not None or any(one.isSensitive for one in note.files),
        "inReplyTo": f"{base}{note.replyId}" if note.replyId else None,
        "attachment": [_attachment(one) for one in note.files if one.url],
    }
    return shown | (_question(note.poll) if note.poll else {})


def _attachment(file: _File) -> Json:
    return {
        "type": "Document",
        "mediaType": file.type,
        "url": file.url,
        "name": file.comment or None,
    }


def _question(poll: _Choices) -> Json:
    votes = [*poll.votes, *[0] * len(poll.choices)]
    options = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": count}}
        for name, count in zip(poll.choices, votes, strict=False)
    ]
    ends = poll.expiresAt or datetime(1970, 1, 1).isoformat() + "Z"
    return {"type": "Question", "endTime": ends, "anyOf" if poll.multiple else "oneOf": options}

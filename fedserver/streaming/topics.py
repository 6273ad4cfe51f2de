"""Streams, as clients name them, and the topics that they consist of inside.

Mastodon API: streaming. A client asks for `hashtag` with the tag `Cats`; the topic is
("hashtag", "cats"), whoever asks. What belongs to a person is a topic with the account's id.
"""

from dataclasses import dataclass
from typing import NamedTuple

from fedserver.context import Context
from fedserver.entities import NOBODY
from fedserver.errors import FedserverError
from fedserver.routing import Token
from storage.streaming import LIST_OWNER

PUBLIC_STREAMS = frozenset(
    {
        "public",
        "public:media",
        "public:local",
        "public:local:media",
        "public:remote",
        "public:remote:media",
    }
)
TAG_STREAMS = frozenset({"hashtag", "hashtag:local"})
_OPEN_STREAMS = PUBLIC_STREAMS | TAG_STREAMS
_OWN_STREAMS = frozenset({"user", "user:notification", "direct", "list"})
STREAMS = _OPEN_STREAMS | _OWN_STREAMS
_STATUS_SCOPE = "read:statuses"
_NOTIFICATION_SCOPE = "read:notifications"
_MAX_TAG_CHARS = 1_000
_MAX_ID = 2**63 - 1


class Topic(NamedTuple):
    """What is told to many at once: a kind, and what it is about."""

    name: str
    about: int | str = ""


class CannotStream(FedserverError):
    """The stream cannot be had; `status` is what HTTP calls it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens: a person, an application, or anybody (without a token)."""

    token: Token | None
    address: str

    @property
    def viewer(self) -> int:
        """The account that decides what may be seen, or NOBODY."""
        return (self.token.account_id if self.token else None) or NOBODY

    def may(self, scope: str) -> bool:
        """Whether the token covers `scope`."""
        return self.token is not None and self.token.covers(scope)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream that somebody asked for: its name as clients see it, and its topics."""

    label: tuple[str, ...]
    topics: tuple[Topic, ...]


async def find_stream(
    ctx: Context, listener: Listener, name: str, *, tag: str = "", list_id: str = ""
) -> Stream:
    """Give the stream `name`. Raises CannotStream where it does not exist or is not for `listener`.

    Without a token the public timelines are open, as they are over the rest of the API.
    """
    if name in PUBLIC_STREAMS:
        _require_scope(listener, name)
        return Stream((name,), (Topic(name),))
    if name in TAG_STREAMS:
        _require_scope(listener, name)
        return _tag_stream(name, tag)
    if name not in _OWN_STREAMS:
        raise CannotStream(400, "Unknown channel requested")
    _require_scope(listener, name)
    if name == "list":
        return await _list_stream(ctx, listener, list_id)
    return Stream((name,), tuple(_own_topics(listener, name)))


def _require_scope(listener: Listener, name: str) -> None:
    if listener.token is None:
        if name in _OPEN_STREAMS:
            return
        raise CannotStream(401, "Missing access token")
    if name not in _OPEN_STREAMS and listener.viewer == NOBODY:
        raise CannotStream(401, "This method requires an authenticated user")
    if not listener.may(_NOTIFICATION_SCOPE if name == "user:notification" else _STATUS_SCOPE):
        raise CannotStream(401, "Access token does not have the required scopes")


def _own_topics(listener: Listener, name: str) -> list[Topic]:
    topics = [Topic(name, listener.viewer)]
    if name == "user" and listener.may(_NOTIFICATION_SCOPE):
        topics.append(Topic("user:notification", listener.viewer))
    return topics


def _tag_stream(name: str, tag: str) -> Stream:
    wanted = tag.strip().lstrip("#")
    if not wanted or len(wanted) > _MAX_TAG_CHARS:
        raise CannotStream(400, "Missing tag name parameter")
    return Stream((name, tag), (Topic(name, wanted.lower()),))


async def _list_stream(ctx: Context, listener: Listener, list_id: str) -> Stream:
    if not list_id.isascii() or not list_id.isdigit() or len(list_id) > 19:
        raise CannotStream(400, "Missing list name parameter")
    number = min(int(list_id), _MAX_ID)
    if await ctx.db.value(LIST_OWNER, number) != listener.viewer:
        raise CannotStream(401, "Not authorized to stream this list")
    return Stream(("list", list_id), (Topic("list", number),))

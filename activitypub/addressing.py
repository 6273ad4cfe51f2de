"""Addressing (`to`, `cc`) and what it means for who may read (ActivityPub §6, Mastodon)."""

from collections.abc import Collection, Sequence
from enum import StrEnum

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
# The compact spellings are valid JSON-LD for the same id (ActivityPub §5.6).
_PUBLIC_SPELLINGS = frozenset({PUBLIC, "as:Public", "Public"})


class Visibility(StrEnum):
    """Who may read an object: the four kinds that Mastodon's clients know."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"
    DIRECT = "direct"


def is_public(recipient: str) -> bool:
    """Tell whether `recipient` is the special collection Public, in any of its spellings."""
    return recipient in _PUBLIC_SPELLINGS


def visibility_of(
    to: Collection[str], cc: Collection[str], followers_uri: str | None
) -> Visibility:
    """Return the visibility that addressing expresses; `followers_uri` is the author's.

    Public in `to` is public, in `cc` unlisted; the followers anywhere is private; anything
    else reaches only those it names.
    """
    if not _PUBLIC_SPELLINGS.isdisjoint(to):
        return Visibility.PUBLIC
    if not _PUBLIC_SPELLINGS.isdisjoint(cc):
        return Visibility.UNLISTED
    if followers_uri is not None and (followers_uri in to or followers_uri in cc):
        return Visibility.PRIVATE
    return Visibility.DIRECT


def address(
    visibility: Visibility, followers_uri: str, mentioned: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return `(to, cc)` for an object of that visibility, arranged as Mastodon does.

    `mentioned` are actor ids; each is named once.
    """
    people = tuple(dict.fromkeys(mentioned))
    match visibility:
        case Visibility.PUBLIC:
            return (PUBLIC,), (followers_uri, *people)
        case Visibility.UNLISTED:
            return (followers_uri,), (PUBLIC, *people)
        case Visibility.PRIVATE:
            return (followers_uri,), people
        case Visibility.DIRECT:
            return people, ()

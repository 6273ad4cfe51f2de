"""OAuth scopes: Mastodon's list, how they are written, and which cover which."""

import re
from collections.abc import Iterable
from typing import Final

DEFAULT_SCOPES: Final = ("read",)
_SEPARATOR: Final = re.compile(r"[\s+,]+")
_MAX_SCOPES: Final = 100

_READ: Final = (
    "accounts blocks bookmarks collections favourites filters follows lists mutes notifications"
    " search statuses"
)
_WRITE: Final = (
    "accounts blocks bookmarks collections conversations favourites filters follows lists media"
    " mutes notifications reports statuses"
)
_ADMIN: Final = (
    "accounts reports domain_allows domain_blocks ip_blocks email_domain_blocks"
    " canonical_email_blocks"
)
# In the order of Mastodon's metadata document.
ALL_SCOPES: Final = (
    "read",
    "write",
    *(f"write:{what}" for what in _WRITE.split()),
    *(f"read:{what}" for what in _READ.split()),
    "follow",
    "push",
    "profile",
    "admin:read",
    *(f"admin:read:{what}" for what in _ADMIN.split()),
    "admin:write",
    *(f"admin:write:{what}" for what in _ADMIN.split()),
)
_KNOWN: Final = frozenset(ALL_SCOPES)
_FOLLOW_COVERS: Final = frozenset({"blocks", "follows", "mutes"})


def parse_scopes(text: str | Iterable[str] | None) -> tuple[str, ...]:
    """Give the scopes that `text` names, each once, in its order; `read` where it names none.

    They may be separated by spaces, commas or `+`, which clients that encode twice send.
    """
    texts = [text] if isinstance(text, str) else list(text or ())
    named = [one for part in texts for one in _SEPARATOR.split(part) if one]
    return tuple(dict.fromkeys(named[:_MAX_SCOPES])) or DEFAULT_SCOPES


def all_known(scopes: Iterable[str]) -> bool:
    """Say whether there are scopes of all these names."""
    return _KNOWN.issuperset(scopes)


def all_within(scopes: Iterable[str], allowed: Iterable[str]) -> bool:
    """Say whether each of `scopes` is known and covered by one of `allowed`."""
    wider = frozenset(allowed)
    return all(one in _KNOWN and _covered(one, wider) for one in scopes)


def _covered(scope: str, by: frozenset[str]) -> bool:
    parts = scope.split(":")
    if any(":".join(parts[:length]) in by for length in range(1, len(parts) + 1)):
        return True
    return "follow" in by and parts[0] in ("read", "write") and parts[-1] in _FOLLOW_COVERS

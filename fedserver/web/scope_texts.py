"""What a client will be able to do, in words."""

from collections.abc import Iterable
from typing import Final

_WHOLE: Final = {
    "read": "See everything that you can see: your timelines, posts, lists, notifications, follows",
    "write": "Act for you: post, delete, favourite, boost, upload, change your profile and lists",
    "follow": "See and change whom you follow, mute and block",
    "push": "Receive your notifications",
    "profile": "See who you are: your name, address and picture, and nothing else",
    "admin:read": "See everything that you can see as an admin",
    "admin:write": "Do everything that you may do as an admin",
}
_VERBS: Final = {
    "read": "See your",
    "write": "Change your",
    "admin:read": "As an admin, see all",
    "admin:write": "As an admin, change all",
}
_ACTS: Final = {
    "write:conversations": "Mute and delete conversations",
    "write:favourites": "Favourite posts",
    "write:media": "Upload media",
    "write:reports": "Report people",
    "write:statuses": "Write, edit and delete posts",
    "read:search": "Search for you",
    "read:accounts": "See accounts, yours and others",
    "write:accounts": "Change your profile",
    "read:statuses": "See all posts that you can see",
}


def describe_scopes(scopes: Iterable[str]) -> list[str]:
    """Give a sentence for each scope."""
    return [_describe(scope) for scope in scopes]


def _describe(scope: str) -> str:
    if scope in _WHOLE:
        return _WHOLE[scope]
    if scope in _ACTS:
        return _ACTS[scope]
    kind, _, what = scope.rpartition(":")
    return f"{_VERBS[kind]} {what.replace('_', ' ')}"

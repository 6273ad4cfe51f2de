"""NotificationFallback: what a client shows of a notification whose type it does not know."""

from collections.abc import Container
from html import escape
from typing import Any, Final

import orjson

Json = dict[str, Any]

_TITLES: Final = {
    "added_to_collection": "{name} added you to a collection",
    "collection_update": "{name} changed a collection you are in",
}


def fallback(
    kind: str, account: bytes, about: Json | None, supported: Container[str] | None
) -> Json | None:
    """Give a NotificationFallback (Mastodon API: NotificationFallback) of the notification of type
    `kind` that `account` (an Account as JSON) caused; None where the client says that it knows
    the type, or does not say what it knows."""
    title = _TITLES.get(kind)
    if title is None or about is None or supported is None or kind in supported:
        return None
    person = orjson.loads(account)
    name = person["display_name"] or person["username"]
    return {
        "title": title.format(name=escape(name)),
        "summary": f'This app does not show collections. <a href="{escape(about["url"])}">'
        "Look at it in your browser</a>.",
        "details": None,
    }

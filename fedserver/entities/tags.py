"""Tag."""

from typing import Any

from fedserver.uris import Uris
from storage.search import TagRow

Json = dict[str, Any]


def tag(uris: Uris, row: TagRow) -> Json:
    """Give a Tag (Mastodon API: Tag). Nobody can follow or feature one here."""
    return {
        "id": str(row.id),
        "name": row.name,
        "url": uris.tag(row.name),
        "history": [],
        "following": False,
        "featuring": False,
    }

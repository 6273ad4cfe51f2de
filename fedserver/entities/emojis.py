"""CustomEmoji."""

from collections.abc import Sequence
from typing import Any

from fedserver.uris import Uris
from storage.emojis import EmojiRow

Json = dict[str, Any]


def stored_emojis(entries: Sequence[Json]) -> list[Json]:
    """Give CustomEmoji of what accounts and statuses keep: [{shortcode, url, static_url}]."""
    return [
        {
            "shortcode": entry["shortcode"],
            "url": entry["url"],
            "static_url": entry.get("static_url") or entry["url"],
            "visible_in_picker": True,
            "category": None,
        }
        for entry in entries
    ]


def custom_emoji(uris: Uris, row: EmojiRow) -> Json:
    """Give CustomEmoji of one of our own (Mastodon API: CustomEmoji)."""
    url = uris.media(row.image_blob) if row.image_blob else row.image_remote_url or ""
    return {
        "shortcode": row.shortcode,
        "url": url,
        "static_url": url,
        "visible_in_picker": row.visible_in_picker,
        "category": row.category,
    }

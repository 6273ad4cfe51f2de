"""CustomEmoji."""

from collections.abc import Sequence
from typing import Any

from fedserver.uris import Uris
from storage.emojis import EmojiRow

Json = dict[str, Any]


def stored_emojis(uris: Uris, entries: Sequence[Json]) -> list[Json]:
    """Give CustomEmoji of what accounts and statuses keep: [{shortcode, url, static_url}]. Those
    of peers come through our proxy."""
    return [
        {
            "shortcode": entry["shortcode"],
            "url": uris.remote_media(entry["url"]),
            "static_url": uris.remote_media(entry.get("static_url") or entry["url"], "small"),
            "visible_in_picker": True,
            "category": None,
        }
        for entry in entries
    ]


def custom_emoji(uris: Uris, row: EmojiRow) -> Json:
    """Give CustomEmoji of one of our own (Mastodon API: CustomEmoji)."""
    url = uris.media(row.image_blob) if row.image_blob else ""
    url = url or uris.remote_media(row.image_remote_url or "")
    return {
        "shortcode": row.shortcode,
        "url": url,
        "static_url": url,
        "visible_in_picker": row.visible_in_picker,
        "category": row.category,
    }

"""MediaAttachment."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fedserver.uris import Uris
from storage.media import MediaRow

Json = dict[str, Any]

_WITH_PREVIEW = frozenset({"image", "gifv", "video"})


def media(uris: Uris, row: MediaRow) -> Json:
    """Give a MediaAttachment (Mastodon API: MediaAttachment)."""
    return stored_media(uris, asdict(row))


def stored_media(uris: Uris, entry: Mapping[str, Any]) -> Json:
    """Give a MediaAttachment of a dict with MediaRow's names, as queries and edits give it."""
    url = _url(uris, entry.get("blob"), entry.get("remote_url"))
    preview = _url(uris, entry.get("preview_blob"), entry.get("preview_remote_url"))
    remote_url = entry.get("remote_url")
    if preview is None and entry["type"] in _WITH_PREVIEW:
        preview = uris.remote_media(remote_url, "small") if remote_url else url
    return {
        "id": str(entry["id"]),
        "type": entry["type"],
        "url": url,
        "preview_url": preview,
        "remote_url": remote_url,
        "preview_remote_url": entry.get("preview_remote_url"),
        "text_url": None,
        "meta": entry.get("meta") or {},
        "description": entry.get("description"),
        "blurhash": entry.get("blurhash"),
    }


def _url(uris: Uris, blob: str | None, remote_url: str | None) -> str | None:
    if blob or not remote_url:
        return uris.media(blob) if blob else None
    return uris.remote_media(remote_url)

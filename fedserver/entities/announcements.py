"""Announcement, with its reactions."""

from collections.abc import Mapping, Sequence
from typing import Any

from fedserver.context import Context
from fedserver.entities.accounts import acct
from fedserver.entities.emojis import custom_emoji
from fedserver.entities.times import optional_timestamp, timestamp
from fedserver.services.text_out import emoji_shortcodes
from fedserver.uris import Uris
from storage.announcements import AnnouncementRow
from storage.profiles import LOCAL_EMOJIS_NAMED

Json = dict[str, Any]


async def announcements(ctx: Context, rows: Sequence[AnnouncementRow]) -> list[Json]:
    """Give Announcements, with the custom emoji that they and their reactions use."""
    reacted = [one["name"] for row in rows for one in row.reactions]
    used = {row.id: emoji_shortcodes(row.text) for row in rows}
    names = list({*reacted, *(one for shortcodes in used.values() for one in shortcodes)})
    found = await ctx.db.fetch(LOCAL_EMOJIS_NAMED, names) if names else []
    uris = ctx.uris
    emojis = {one.shortcode: custom_emoji(uris, one) for one in found}
    return [_announcement(uris, row, used[row.id], emojis) for row in rows]


def _announcement(
    uris: Uris, row: AnnouncementRow, used: Sequence[str], emojis: Mapping[str, Json]
) -> Json:
    return {
        "id": str(row.id),
        "content": row.content,
        "starts_at": optional_timestamp(row.starts_at),
        "ends_at": optional_timestamp(row.ends_at),
        "all_day": row.all_day,
        "published_at": timestamp(row.published_at),
        "updated_at": timestamp(row.updated_at),
        "read": row.read,
        "mentions": [_mention(one) for one in row.mentions],
        "statuses": [{"id": str(one["id"]), "url": one["url"]} for one in row.statuses],
        "tags": [{"name": name, "url": uris.tag(name)} for name in row.tags],
        "emojis": [emojis[name] for name in used if name in emojis],
        "reactions": [_reaction(one, emojis) for one in row.reactions],
    }


def _mention(entry: Json) -> Json:
    return {
        "id": str(entry["id"]),
        "username": entry["username"],
        "url": entry["url"],
        "acct": acct(entry["username"], entry["domain"]),
    }


def _reaction(entry: Json, emojis: Mapping[str, Json]) -> Json:
    emoji = emojis.get(entry["name"], {})
    return {
        "name": entry["name"],
        "count": entry["count"],
        "me": entry["me"],
        "url": emoji.get("url"),
        "static_url": emoji.get("static_url"),
    }

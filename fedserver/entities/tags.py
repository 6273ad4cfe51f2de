"""Tag."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from fedserver.context import Context
from fedserver.entities.times import day
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.featured_tags import FeaturedTagRow
from storage.tags import TAG_DETAILS, TagDetailRow

Json = dict[str, Any]

_HISTORY_DAYS = 7
HISTORY = timedelta(days=_HISTORY_DAYS)
_DAY_S = 86_400


async def tags(ctx: Context, ids: Iterable[int], viewer: int | None) -> list[Json]:
    """Give Tags in the order of `ids`, in one query (Mastodon API: Tag, with a week of history)."""
    today = int(ctx.clock.now().timestamp()) // _DAY_S
    first = ctx.ids.at(ctx.clock.now() - HISTORY)
    rows = await ctx.db.fetch(TAG_DETAILS, list(ids), viewer, first)
    return [_tag(ctx.uris, row, today) for row in rows]


async def tag(ctx: Context, tag_id: int, viewer: int | None) -> Json:
    """Give one Tag. Raises NotFound for an unknown one."""
    found = await tags(ctx, [tag_id], viewer)
    if not found:
        raise NotFound("Record not found")
    return found[0]


def unused_tag(ctx: Context, name: str) -> Json:
    """Give the Tag of a name that nobody used yet."""
    row = TagDetailRow(0, name, False, [])
    return _tag(ctx.uris, row, int(ctx.clock.now().timestamp()) // _DAY_S)


def featured_tag(uris: Uris, row: FeaturedTagRow) -> Json:
    """Give a FeaturedTag (Mastodon API: FeaturedTag): the count is text there."""
    return {
        "id": str(row.id),
        "name": row.name,
        "url": uris.tag(row.tag_name),
        "statuses_count": str(row.statuses_count),
        "last_status_at": day(row.last_status_at),
    }


def _tag(uris: Uris, row: TagDetailRow, today: int) -> Json:
    return {
        "id": str(row.id),
        "name": row.name,
        "url": uris.tag(row.name),
        "history": usage(row.history, today),
        "following": row.following,
        "featuring": row.featuring,
    }


def usage(used: list[Any], today: int) -> list[Json]:
    """Give a week of use, today first (Mastodon API: Tag#history). `used`: as TagDetailRow."""
    by_day = {one["day"]: one for one in used}
    days = range(today, today - _HISTORY_DAYS, -1)
    return [
        {
            "day": str(day * _DAY_S),
            "uses": str(by_day[day]["uses"] if day in by_day else 0),
            "accounts": str(by_day[day]["accounts"] if day in by_day else 0),
        }
        for day in days
    ]

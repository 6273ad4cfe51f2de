"""Poll. It depends on the viewer, so it is never kept with its status."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.emojis import stored_emojis
from fedserver.entities.times import optional_timestamp
from fedserver.uris import Uris
from storage.status_reads import POLLS_FOR_VIEWER, PollViewRow

Json = dict[str, Any]


async def polls(ctx: Context, ids: Collection[int], viewer: int | None) -> dict[int, bytes]:
    """Give the polls as JSON by id, in one query, none for no ids."""
    if not ids:
        return {}
    rows = await ctx.db.fetch(POLLS_FOR_VIEWER, list(ids), viewer)
    now = ctx.clock.now()
    return {row.id: orjson.dumps(poll_json(ctx.uris, row, viewer, now)) for row in rows}


async def poll(ctx: Context, poll_id: int, viewer: int | None) -> orjson.Fragment | None:
    """Give one Poll, None where there is none. Whether the viewer may see it is not checked."""
    found = await polls(ctx, [poll_id], viewer)
    return orjson.Fragment(found[poll_id]) if poll_id in found else None


def poll_json(uris: Uris, row: PollViewRow, viewer: int | None, now: datetime) -> Json:
    """Give a Poll (Mastodon API: Poll). Totals may be hidden until the end."""
    expired = row.closed_at is not None or (row.expires_at is not None and row.expires_at <= now)
    hidden = row.hide_totals and not expired
    return {
        "id": str(row.id),
        "expires_at": optional_timestamp(row.expires_at),
        "expired": expired,
        "multiple": row.multiple,
        "votes_count": sum(row.votes),
        "voters_count": row.voters_count,
        "options": [
            {"title": title, "votes_count": None if hidden else count}
            for title, count in zip(row.options, row.votes, strict=False)
        ],
        "emojis": stored_emojis(uris, row.emojis),
        "voted": bool(row.own_votes) or (viewer is not None and viewer == row.account_id),
        "own_votes": row.own_votes,
    }

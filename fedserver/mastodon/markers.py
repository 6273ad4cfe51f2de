"""How far one has read, kept for all of one's clients (Mastodon API: markers)."""

import msgspec

from fedserver.context import Context
from fedserver.entities import timestamp
from fedserver.errors import Invalid
from fedserver.routing import JSON, Caller, Id, Params, endpoint
from storage.markers import MARKERS, SAVE_MARKERS, MarkerRow

_TIMELINES = ("home", "notifications")


class MarkersParams(Params, frozen=True, kw_only=True):
    """Which markers."""

    timeline: list[str] = msgspec.field(default_factory=list)


class Position(Params, frozen=True, kw_only=True):
    """The last entry read."""

    last_read_id: Id


class SaveParams(Params, frozen=True, kw_only=True):
    """The markers to move."""

    home: Position | None = None
    notifications: Position | None = None


@endpoint("GET", "/api/v1/markers", scope="read:statuses")
async def markers(ctx: Context, caller: Caller, params: MarkersParams) -> JSON:
    """Show the positions that are asked for (Mastodon API: markers#get)."""
    return _entity(await ctx.db.fetch(MARKERS, caller.account_id, params.timeline))


@endpoint("POST", "/api/v1/markers", scope="write:statuses")
async def save(ctx: Context, caller: Caller, params: SaveParams) -> JSON:
    """Keep positions (Mastodon API: markers#create)."""
    given = {"home": params.home, "notifications": params.notifications}
    moved = {name: position for name, position in given.items() if position is not None}
    if not moved:
        raise Invalid(f"Name at least one of {', '.join(_TIMELINES)} with its last_read_id")
    ids = [position.last_read_id for position in moved.values()]
    rows = await ctx.db.fetch(SAVE_MARKERS, caller.account_id, list(moved), ids, ctx.clock.now())
    return _entity(rows)


def _entity(rows: list[MarkerRow]) -> JSON:
    return {
        row.timeline: {
            "last_read_id": str(row.last_read_id),
            "version": row.version,
            "updated_at": timestamp(row.updated_at),
        }
        for row in rows
    }

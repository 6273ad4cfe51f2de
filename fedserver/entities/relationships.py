"""Relationship."""

from collections.abc import Iterable
from typing import Any

from fedserver.context import Context
from fedserver.entities.times import optional_timestamp
from fedserver.errors import NotFound
from storage.account_reads import RELATIONSHIPS, RelationshipRow

Json = dict[str, Any]


async def relationships(ctx: Context, viewer: int, ids: Iterable[int]) -> list[Json]:
    """Give Relationships in the order of `ids`, unknown ones left out, in one query."""
    rows = await ctx.db.fetch(RELATIONSHIPS, viewer, list(ids), ctx.clock.now())
    return [_relationship(row) for row in rows]


async def relationship(ctx: Context, viewer: int, account_id: int) -> Json:
    """Give one Relationship. Raises NotFound for an unknown account."""
    found = await relationships(ctx, viewer, [account_id])
    if not found:
        raise NotFound("Record not found")
    return found[0]


def _relationship(row: RelationshipRow) -> Json:
    return {
        "id": str(row.id),
        "following": row.following,
        "showing_reblogs": row.showing_reblogs,
        "notifying": row.notifying,
        "languages": row.languages,
        "followed_by": row.followed_by,
        "blocking": row.blocking,
        "blocked_by": row.blocked_by,
        "muting": row.muting,
        "muting_notifications": row.muting_notifications,
        "muting_expires_at": optional_timestamp(row.muting_expires_at),
        "requested": row.requested,
        "requested_by": row.requested_by,
        "domain_blocking": row.domain_blocking,
        "endorsed": row.endorsed,
        "note": row.note,
    }

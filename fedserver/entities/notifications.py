"""Notification."""

from collections.abc import Container, Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.collections import collections
from fedserver.entities.notification_fallbacks import fallback
from fedserver.entities.statuses import Parts, gather
from fedserver.entities.times import timestamp
from storage.notification_reads import NotificationRow
from storage.status_reads import HEADS, HeadRow

Json = dict[str, Any]


async def notifications(
    ctx: Context,
    rows: Sequence[NotificationRow],
    viewer: int,
    supported: Container[str] | None = None,
) -> list[Json]:
    """Give Notifications in the order of `rows`; those of statuses and collections that `viewer`
    may no longer see are left out. `supported`: the types that the client says it knows."""
    ids = [row.status_id for row in rows if row.status_id is not None]
    heads = await ctx.db.fetch(HEADS, ids, viewer) if ids else []
    people = {row.from_account_id: row.from_account_version for row in rows}
    parts = await gather(ctx, heads, viewer, people)
    named = [row.collection_id for row in rows if row.collection_id is not None]
    shown = await collections(ctx, named, viewer) if named else []
    by_collection = {int(one["id"]): one for one in shown}
    by_id = {head.id: head for head in heads if parts.has(head)}
    return [
        _notification(row, by_id, parts, by_collection.get(row.collection_id or 0), supported)
        for row in rows
        if row.from_account_id in parts.accounts
        and (row.status_id is None or row.status_id in by_id)
        and (row.collection_id is None or row.collection_id in by_collection)
    ]


def _notification(
    row: NotificationRow,
    heads: dict[int, HeadRow],
    parts: Parts,
    collection: Json | None,
    supported: Container[str] | None,
) -> Json:
    head = heads[row.status_id] if row.status_id is not None else None
    return {
        "id": str(row.id),
        "type": row.type,
        "created_at": timestamp(row.created_at),
        "group_key": f"ungrouped-{row.id}",
        "account": orjson.Fragment(parts.accounts[row.from_account_id]),
        "status": None if head is None else orjson.Fragment(parts.join(head)),
        "report": None,
        "event": None,
        "moderation_warning": None,
        "collection": collection,
        "fallback": fallback(row.type, parts.accounts[row.from_account_id], collection, supported),
    }

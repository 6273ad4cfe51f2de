"""Conversation and NotificationRequest: people, and the last status that concerns them."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.accounts import account_bytes
from fedserver.entities.statuses import gather
from fedserver.entities.times import timestamp
from storage.account_reads import ACCOUNT_HEADS
from storage.conversations import ConversationRow
from storage.notification_policies import RequestRow
from storage.status_reads import HEADS

Json = dict[str, Any]


async def conversations(ctx: Context, rows: Sequence[ConversationRow], viewer: int) -> list[Json]:
    """Give Conversations in the order of `rows`. Who talks to nobody but themselves is shown as
    the one participant."""
    others = {row.id: row.participant_ids or [viewer] for row in rows}
    heads = await ctx.db.fetch(ACCOUNT_HEADS, list({one for ids in others.values() for one in ids}))
    people = await account_bytes(ctx, {head.id: head.version for head in heads}, viewer)
    statuses = await _statuses(ctx, [row.last_status_id for row in rows], viewer)
    return [
        {
            "id": str(row.id),
            "unread": row.unread,
            "accounts": [orjson.Fragment(people[one]) for one in others[row.id] if one in people],
            "last_status": statuses.get(row.last_status_id),
        }
        for row in rows
    ]


async def notification_requests(
    ctx: Context, rows: Sequence[RequestRow], viewer: int
) -> list[Json]:
    """Give NotificationRequests in the order of `rows`."""
    people = await account_bytes(
        ctx, {row.from_account_id: row.from_account_version for row in rows}, viewer
    )
    last = [row.last_status_id for row in rows if row.last_status_id is not None]
    statuses = await _statuses(ctx, last, viewer)
    return [
        {
            "id": str(row.id),
            "created_at": timestamp(row.created_at),
            "updated_at": timestamp(row.updated_at),
            "notifications_count": str(row.count),
            "account": orjson.Fragment(people[row.from_account_id]),
            "last_status": statuses.get(row.last_status_id or 0),
        }
        for row in rows
        if row.from_account_id in people
    ]


async def _statuses(ctx: Context, ids: Iterable[int], viewer: int) -> dict[int, orjson.Fragment]:
    """Give those of the statuses that `viewer` may see, by id."""
    heads = await ctx.db.fetch(HEADS, list(ids), viewer)
    parts = await gather(ctx, heads, viewer)
    return {head.id: orjson.Fragment(parts.join(head)) for head in heads if parts.has(head)}

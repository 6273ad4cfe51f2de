"""InteractionRequest, as GoToSocial's API has it: who would like to do what with a status."""

from collections.abc import Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.statuses import Parts, gather
from fedserver.entities.times import timestamp
from storage.approvals import ACCEPTED, REJECTED, REVOKED, RequestRow
from storage.status_reads import WITHHELD_HEADS, HeadRow

Json = dict[str, Any]

_TYPES = {"like": "favourite", "reply": "reply", "announce": "reblog", "quote": "quote"}


async def interaction_requests(ctx: Context, rows: Sequence[RequestRow], viewer: int) -> list[Json]:
    """Give InteractionRequests in the order of `rows`, to `viewer` who decides about them. Here,
    and only here, what waits is shown."""
    ids = {row.status_id for row in rows} | {row.reply_id for row in rows if row.reply_id}
    heads = await ctx.db.fetch(WITHHELD_HEADS, list(ids), viewer) if ids else []
    people = {row.account_id: row.account_version for row in rows}
    parts = await gather(ctx, heads, viewer, people)
    by_id = {head.id: head for head in heads if parts.has(head)}
    return [
        _request(row, by_id, parts)
        for row in rows
        if row.status_id in by_id and row.account_id in parts.accounts
    ]


def _request(row: RequestRow, heads: dict[int, HeadRow], parts: Parts) -> Json:
    shown = {
        "id": str(row.id),
        "type": _TYPES[row.kind],
        "created_at": timestamp(row.created_at),
        "account": orjson.Fragment(parts.accounts[row.account_id]),
        "status": orjson.Fragment(parts.join(heads[row.status_id])),
    }
    if row.reply_id in heads:
        shown["reply"] = orjson.Fragment(parts.join(heads[row.reply_id]))
    if row.decided_at is not None and row.state == ACCEPTED:
        shown["accepted_at"] = timestamp(row.decided_at)
    if row.decided_at is not None and row.state in (REJECTED, REVOKED):
        shown["rejected_at"] = timestamp(row.decided_at)
    return shown

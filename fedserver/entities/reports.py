"""Report."""

from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.accounts import account
from fedserver.entities.times import optional_timestamp, timestamp
from fedserver.errors import NotFound
from storage.reports import REPORT_BY_ID, ReportRow

Json = dict[str, Any]


async def report(ctx: Context, report_id: int) -> Json:
    """Give one Report as its author sees it. Raises NotFound where there is none."""
    row = await ctx.db.one(REPORT_BY_ID, report_id)
    if row is None:
        raise NotFound("Record not found")
    return report_json(row, await account(ctx, row.target_id))


def report_json(row: ReportRow, target: orjson.Fragment) -> Json:
    """Give a Report of the Account `target`."""
    return {
        "id": str(row.id),
        "action_taken": row.action_taken_at is not None,
        "action_taken_at": optional_timestamp(row.action_taken_at),
        "category": row.category,
        "comment": row.comment,
        "forwarded": row.forwarded,
        "created_at": timestamp(row.created_at),
        "status_ids": [str(one) for one in row.status_ids],
        "rule_ids": None if row.rule_ids is None else [str(one) for one in row.rule_ids],
        "collection_ids": [],
        "target_account": target,
    }

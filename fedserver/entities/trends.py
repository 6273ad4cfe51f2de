"""Trends::Link: a preview card with a week of use."""

from collections.abc import Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.accounts import accounts
from fedserver.entities.cards import stored_card
from fedserver.entities.tags import usage
from storage.trends import TrendingLinkRow

Json = dict[str, Any]
_DAY_S = 86_400


async def trending_links(ctx: Context, rows: Sequence[TrendingLinkRow]) -> list[Json]:
    """Give Trends::Links in the order of `rows`, in one query more for their authors."""
    ids = [row.card["author_id"] for row in rows if row.card["author_id"] is not None]
    people = [orjson.loads(orjson.dumps(one)) for one in await accounts(ctx, ids)] if ids else []
    authors = {int(one["id"]): one for one in people}
    today = int(ctx.clock.now().timestamp()) // _DAY_S
    return [
        (stored_card(ctx.uris, row.card, authors) or {}) | {"history": usage(row.history, today)}
        for row in rows
    ]

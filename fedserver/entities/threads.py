"""Context: what stands above and below a status."""

from collections.abc import Sequence

import orjson

from fedserver.context import Context
from fedserver.entities.statuses import gather
from storage.status_reads import HEADS, ThreadRow


async def context(
    ctx: Context, thread: Sequence[ThreadRow], viewer: int | None
) -> dict[str, list[orjson.Fragment]]:
    """Give a Context of the rows of storage.status_reads.THREAD (Mastodon API: Context)."""
    heads = await ctx.db.fetch(HEADS, [row.id for row in thread], viewer)
    parts = await gather(ctx, heads, viewer)
    above = {row.id for row in thread if row.ancestor}
    shown = [head for head in heads if parts.has(head)]
    return {
        "ancestors": [orjson.Fragment(parts.join(one)) for one in shown if one.id in above],
        "descendants": [orjson.Fragment(parts.join(one)) for one in shown if one.id not in above],
    }

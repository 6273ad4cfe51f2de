"""Home timelines, written when a status appears."""

from datetime import timedelta

from fedserver.context import Context
from storage.database import Transaction
from storage.fan_out import FAN_OUT, FAN_OUT_BY_TAG

# Whoever was away longer gets the timeline rebuilt on return.
ACTIVE_FOR = timedelta(days=14)


async def fan_out(
    ctx: Context,
    tx: Transaction,
    *,
    status_id: int,
    author_id: int,
    visibility: str,
    answered_id: int | None = None,
    boosted_author_id: int | None = None,
) -> None:
    """Write the status into the home timelines of those here who follow its author."""
    await tx.execute(
        FAN_OUT,
        status_id,
        author_id,
        answered_id,
        boosted_author_id is not None,
        boosted_author_id,
        ctx.clock.now() - ACTIVE_FOR,
        visibility,
    )


async def fan_out_by_tag(ctx: Context, tx: Transaction, *, status_id: int, author_id: int) -> None:
    """Write a public status into the home timelines of those here who follow a hashtag of it."""
    await tx.execute(FAN_OUT_BY_TAG, status_id, author_id, ctx.clock.now() - ACTIVE_FOR)

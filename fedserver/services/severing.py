"""Ending follows for many at once, and telling people what they lost by it (Mastodon API:
RelationshipSeveranceEvent)."""

from collections.abc import Sequence
from typing import Literal

from fedserver.context import Context
from storage.database import Transaction
from storage.severances import (
    SEVER_FOLLOWS,
    SEVERANCES_OF,
    SEVERED_FOLLOWS,
    SeveranceRow,
    SeveredFollowRow,
)

Reason = Literal["domain_block", "account_suspension"]


async def sever(
    ctx: Context,
    tx: Transaction,
    account_ids: Sequence[int],
    reason: Reason,
    name: str,
) -> None:
    """End the follows either way between our people and `account_ids`, without telling peers.
    `name` is the domain or handle that is blocked or suspended."""
    now = ctx.clock.now()
    await tx.execute(SEVER_FOLLOWS, list(account_ids), reason, name, ctx.ids.new(), now)


async def events_of(ctx: Context, account_id: int) -> list[SeveranceRow]:
    """Give what ended somebody's follows and followers, the newest first."""
    return await ctx.db.fetch(SEVERANCES_OF, account_id)


async def lost_follows(ctx: Context, account_id: int, event_id: int) -> list[SeveredFollowRow]:
    """Give the follows and followers that somebody lost by an event of theirs."""
    return await ctx.db.fetch(SEVERED_FOLLOWS, event_id, account_id)

"""What becomes of a status when people may see it, and when they no longer may: counts, home
timelines, and who is told of each of its author's posts."""

from fedserver.context import Context
from fedserver.effects.fanning import fan_out, fan_out_by_tag
from fedserver.effects.signals import signal_deletion, signal_new
from storage.accounts import COUNT_STATUS
from storage.approvals import FORGET_NOTICES_OF, LEAVE_HOMES
from storage.database import Transaction
from storage.fan_out import DROP_REPEATED_BOOSTS
from storage.notifying import NOTIFY_SUBSCRIBERS
from storage.statuses import COUNT_REBLOG, COUNT_REPLY, StatusRow


async def show_reply(ctx: Context, tx: Transaction, row: StatusRow) -> None:
    """Show a reply that was withheld."""
    if row.in_reply_to_id is not None:
        await tx.execute(COUNT_REPLY, row.in_reply_to_id, 1)
    await tx.execute(COUNT_STATUS, row.account_id, 1, row.created_at, row.id)
    await fan_out(
        ctx,
        tx,
        status_id=row.id,
        author_id=row.account_id,
        visibility=row.visibility,
        answered_id=row.in_reply_to_account_id,
    )
    if row.visibility == "public":
        await fan_out_by_tag(ctx, tx, status_id=row.id, author_id=row.account_id)
    await signal_new(ctx, tx, row.id, row.created_at)
    if row.visibility != "direct":
        await tx.execute(NOTIFY_SUBSCRIBERS, ctx.ids.new(), row.account_id, row.id, ctx.clock.now())


async def show_boost(ctx: Context, tx: Transaction, row: StatusRow, boosted: StatusRow) -> None:
    """Show a boost of `boosted` that was withheld."""
    await tx.execute(COUNT_REBLOG, boosted.id, 1)
    await tx.execute(COUNT_STATUS, row.account_id, 1, row.created_at, row.id)
    await fan_out(
        ctx,
        tx,
        status_id=row.id,
        author_id=row.account_id,
        visibility=row.visibility,
        boosted_author_id=boosted.account_id,
    )
    await tx.execute(DROP_REPEATED_BOOSTS, row.id, boosted.id, row.account_id)
    await signal_new(ctx, tx, row.id, row.created_at)


async def hide_reply(tx: Transaction, row: StatusRow) -> None:
    """Take away what showing a reply brought."""
    await signal_deletion(tx, row.id)
    if row.in_reply_to_id is not None:
        await tx.execute(COUNT_REPLY, row.in_reply_to_id, -1)
    await tx.execute(COUNT_STATUS, row.account_id, -1, None, None)
    await tx.execute(LEAVE_HOMES, row.id)
    await tx.execute(FORGET_NOTICES_OF, row.id)

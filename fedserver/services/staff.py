"""Telling the moderators of the instance what needs them (Mastodon API: admin.sign_up,
admin.report)."""

from fedserver.context import Context
from storage.database import Transaction
from storage.notifying import NOTIFY_STAFF


async def tell_of_sign_up(ctx: Context, tx: Transaction, account_id: int) -> None:
    """Tell them of somebody who is new here."""
    await _tell(ctx, tx, "admin.sign_up", account_id, None)


async def tell_of_report(ctx: Context, tx: Transaction, reporter_id: int, report_id: int) -> None:
    """Tell them of a report."""
    await _tell(ctx, tx, "admin.report", reporter_id, report_id)


async def _tell(
    ctx: Context, tx: Transaction, kind: str, account_id: int, subject_id: int | None
) -> None:
    now = ctx.clock.now()
    await tx.execute(NOTIFY_STAFF, ctx.ids.new(), kind, account_id, subject_id, now)

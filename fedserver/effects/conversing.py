"""Conversations of direct posts, written with the post; and requests, whose accepted posts come to
them later (Mastodon API: conversations, notification requests)."""

from collections.abc import Sequence

from fedserver.context import Context
from fedserver.events import MERGED, NOTIFICATIONS, NOTIFY
from storage.conversations import CONVERSE, DIRECT_STATUSES_ASKED
from storage.database import Transaction
from storage.notification_policies import ACCEPT_REQUESTS

_MOST_CATCHING_UP = 1_000


async def converse(
    ctx: Context, tx: Transaction, status_ids: Sequence[int], *, only_of: int | None = None
) -> None:
    """Put direct statuses into the conversations of their author and of whom they have told."""
    await tx.execute(CONVERSE, list(status_ids), only_of, ctx.ids.new())


async def accept_requests(ctx: Context, account_id: int, request_ids: Sequence[int]) -> int:
    """Show what was kept apart, and let those who asked be heard from now on; give how many
    requests there were."""
    ids = list(request_ids)
    async with ctx.db.transaction() as tx:
        direct = await tx.values(DIRECT_STATUSES_ASKED, ids, account_id, _MOST_CATCHING_UP)
        accepted = await tx.values(ACCEPT_REQUESTS, ids, account_id, ctx.clock.now())
        if direct:
            await converse(ctx, tx, direct, only_of=account_id)
        if accepted:
            await tx.execute(NOTIFY, NOTIFICATIONS, f"{MERGED}{account_id}")
    return len(accepted)

"""Mails people's new public posts to those who asked for them."""

from fedserver.context import Context
from fedserver.services.email_subscriptions import mail_posts_of_next
from fedserver.services.work_loop import Work, work_always
from storage.email_subscriptions import NEXT_POST_MAILED_AT


async def mail_posts_always(ctx: Context) -> None:
    """Write the mails of posts that are due, until cancelled."""
    await work_always(
        ctx, Work("posts by mail", mail_posts_of_next, next_at=NEXT_POST_MAILED_AT, sweep_s=60)
    )

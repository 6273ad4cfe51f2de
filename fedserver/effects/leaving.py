"""People who asked to be deleted leave for good when their time to think is over."""

import logging

from fedserver.context import Context
from fedserver.effects.delete import DeleteActor
from fedserver.effects.performing import perform_in
from fedserver.services.login_settings import GRACE
from fedserver.services.users import sign_out_everywhere
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID
from storage.notification_reads import CLEAR_NOTIFICATIONS
from storage.users import DELETE_USER, DUE_DELETIONS

log = logging.getLogger(__name__)


async def delete_departed(ctx: Context) -> int:
    """Delete the accounts whose grace time is over; give how many there were."""
    due = await ctx.db.values(DUE_DELETIONS, ctx.clock.now() - GRACE)
    for account_id in due:
        await delete_account(ctx, account_id)
    return len(due)


async def delete_account(ctx: Context, account_id: int) -> None:
    """Delete one of our people with all that is theirs, and tell peers (ActivityPub §6.4).

    Name and keys stay: nobody gets the name again, and the Delete has to be signed.
    """
    actor = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if actor is None or not actor.local:
        return
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    async with ctx.db.transaction() as tx:
        await perform_in(ctx, tx, DeleteActor(actor=actor, uri=uri))
        await sign_out_everywhere(tx, account_id)
        await tx.execute(CLEAR_NOTIFICATIONS, account_id)
        await tx.execute(DELETE_USER, account_id)
    log.info("the account of %s is deleted, as its person asked", actor.username)

"""Sends the mails that were written; tries again what the mail server could not take."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Final

from fedserver.context import Context
from fedserver.events import MAILS
from fedserver.outgoing.mail import MailDelayed, MailRefused
from fedserver.services.smtp import send
from fedserver.services.work_loop import Work, work_always
from storage.mails import CLAIM_MAILS, MAIL_PUT_OFF, MAIL_SENT, NEXT_MAIL_AT, MailRow

log = logging.getLogger(__name__)

_AT_ONCE: Final = 10
_LEASE: Final = timedelta(minutes=5)
_FIRST_RETRY_S: Final = 60.0
_LONGEST_RETRY_S: Final = 6 * 3_600.0
# The links in mails are of no use after that.
_GIVE_UP_AFTER: Final = timedelta(days=2)


async def mail_always(ctx: Context) -> None:
    """Send what is due, then wait for more, until cancelled."""
    await work_always(ctx, Work("mails", send_due, MAILS, NEXT_MAIL_AT))


async def send_due(ctx: Context) -> int:
    """Send some of the mails that are due now; give how many were tried."""
    now = ctx.clock.now()
    mails = await ctx.db.fetch(CLAIM_MAILS, now, now + _LEASE, _AT_ONCE)
    async with asyncio.TaskGroup() as sending:
        for mail in mails:
            sending.create_task(_send(ctx, mail))
    return len(mails)


async def _send(ctx: Context, mail: MailRow) -> None:
    try:
        await send(ctx.config, mail)
    except MailRefused as error:
        log.warning("a mail to %s was refused, and is not tried again: %s", mail.recipient, error)
    except MailDelayed as error:
        if ctx.clock.now() - mail.created_at < _GIVE_UP_AFTER:
            again = retry_at(ctx.clock.now(), mail.attempts)
            await ctx.db.execute(MAIL_PUT_OFF, mail.id, again, str(error))
            log.warning("a mail to %s waits: %s", mail.recipient, error)
            return
        log.error("a mail to %s could not be sent for two days: %s", mail.recipient, error)
    await ctx.db.execute(MAIL_SENT, mail.id)


def retry_at(now: datetime, attempts: int) -> datetime:
    """Give when to try again after `attempts` failures: after a minute, then twice as long."""
    return now + timedelta(seconds=min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2 ** (attempts - 1)))

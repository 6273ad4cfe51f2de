"""Takes over what the admin says of other domains, in whichever process it was said."""

import asyncio
import logging

from fedserver.context import Context
from fedserver.events import DOMAINS
from storage.failures import is_temporary

log = logging.getLogger(__name__)

# A signal may be lost while the database restarts.
SWEEP_EVERY_S = 60.0
_DATABASE_PAUSE_S = 1.0


async def watch_domains(ctx: Context) -> None:
    """Read the rules anew at each signal, until cancelled."""
    while True:
        await ctx.events.wait(DOMAINS, timeout_s=SWEEP_EVERY_S)
        try:
            await take_over(ctx)
        except Exception as error:  # the worker outlives a restart of the database
            if not is_temporary(error):
                raise
            log.warning("the rules for domains wait for the database: %s", error)
            await asyncio.sleep(_DATABASE_PAUSE_S)
            ctx.events.wake(DOMAINS)


async def take_over(ctx: Context) -> None:
    """Read the rules; who may sign here is asked anew, too."""
    await ctx.domains.load(ctx.db)
    ctx.signer_keys.clear()

"""Looks at what posts link to, a few pages at a time, spread out over time."""

import asyncio
import logging
from datetime import timedelta

from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.events import CARDS
from fedserver.services.cards import card_for
from fedserver.services.work_loop import Work, work_always
from storage.cards import CLAIM_WISHES, FORGET_WISH, NEXT_WISH_AT, SHOW_CARD, WishRow
from storage.failures import is_temporary

log = logging.getLogger(__name__)

AT_ONCE = 3
MAX_TRIES = 3
TRY_AGAIN_AFTER = timedelta(minutes=15)


async def look_at_links_always(ctx: Context) -> None:
    """Look at links that are due until cancelled; sleep until one is."""
    await work_always(ctx, Work("looking at links", look_at_links, CARDS, NEXT_WISH_AT, AT_ONCE))


async def look_at_links(ctx: Context) -> int:
    """Look at the links whose turn it is; give how many there were."""
    now = ctx.clock.now()
    wishes = await ctx.db.fetch(CLAIM_WISHES, now, now + TRY_AGAIN_AFTER, AT_ONCE)
    async with asyncio.TaskGroup() as tasks:
        for wish in wishes:
            tasks.create_task(_look(ctx, wish))
    return len(wishes)


async def _look(ctx: Context, wish: WishRow) -> None:
    try:
        card = await card_for(ctx, wish.url)
    except FedserverError as error:
        log.info("no card for %s yet: %s", wish.url, error)
        if wish.tries < MAX_TRIES:
            return
        card = None
    except Exception as error:  # one page's trouble is not the others': its claim ends by itself
        if is_temporary(error) or wish.tries < MAX_TRIES:
            log.warning("no card for %s yet: %r", wish.url, error)
            return
        log.exception("no card for %s", wish.url)
        card = None
    async with ctx.db.transaction() as tx:
        if card is not None:
            await tx.execute(SHOW_CARD, wish.status_id, card.id)
        await tx.execute(FORGET_WISH, wish.status_id, wish.url)

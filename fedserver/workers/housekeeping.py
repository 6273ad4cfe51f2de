"""Removes, now and then, what nobody needs any more."""

from datetime import timedelta

from fedserver.context import Context
from fedserver.effects.leaving import delete_departed
from fedserver.services import sign_ups
from fedserver.services.cleaning_again import clean_again
from fedserver.services.email_subscriptions import UNCONFIRMED_KEPT_FOR
from fedserver.services.keeping import remove_unnamed
from fedserver.services.remote_media import prune
from fedserver.services.work_loop import Work, work_always
from storage.cards import FORGET_CARDS
from storage.collections import FORGET_ENDED_ITEMS
from storage.email_subscriptions import FORGET_UNCONFIRMED_SUBSCRIPTIONS
from storage.housekeeping import (
    EMPTY_HOMES_OF_ABSENT,
    FORGET_EXPIRED_CODES,
    FORGET_EXPIRED_MUTES,
    FORGET_EXPIRED_SESSIONS,
    FORGET_UNPOSTED_MEDIA,
    TRIM_HOMES,
)
from storage.idempotency import FORGET_OLD_KEYS
from storage.imports import FORGET_OLD_IMPORTS
from storage.inbox import FORGET_PROCESSED
from storage.notification_policies import FORGET_EMPTY_REQUESTS
from storage.sign_ups import FORGET_EXPIRED_LINKS, FORGET_UNCONFIRMED
from storage.threads import FORGET_BACKFILLS
from storage.translations import FORGET_TRANSLATIONS

HOME_ENTRIES_KEPT = 800
# A little more than the fan-out's own limit, so that no timeline has a hole.
ABSENT_AFTER = timedelta(days=13)
KEYS_KEPT_FOR = timedelta(hours=6)
# Longer than a signature is valid, and than peers go on retrying.
PROCESSED_KEPT_FOR = timedelta(days=14)
UNPOSTED_MEDIA_KEPT_FOR = timedelta(days=1)
CARDS_KEPT_FOR = timedelta(days=30)
# Who left a collection, or did not want to be in it, is not asked again at once.
ENDED_ITEMS_KEPT_FOR = timedelta(days=1)
TRANSLATIONS_KEPT_FOR = timedelta(days=1)
BACKFILLS_KEPT_FOR = timedelta(days=1)
IMPORTS_KEPT_FOR = timedelta(weeks=4)
_EVERY_S = 3_600
_FIRST_AFTER_S = 300


async def keep_house(ctx: Context) -> None:
    """Tidy up every hour until cancelled."""
    await work_always(ctx, Work("tidying up", tidy, sweep_s=_EVERY_S, first_after_s=_FIRST_AFTER_S))


async def tidy(ctx: Context) -> int:
    """Remove everything that is due now. Gives 0: nothing of it waits for a second round."""
    now = ctx.clock.now()
    await ctx.db.execute(TRIM_HOMES, HOME_ENTRIES_KEPT)
    await ctx.db.execute(EMPTY_HOMES_OF_ABSENT, now - ABSENT_AFTER)
    await ctx.db.execute(FORGET_OLD_KEYS, now - KEYS_KEPT_FOR)
    await ctx.db.execute(FORGET_EXPIRED_CODES, now)
    await ctx.db.execute(FORGET_EXPIRED_SESSIONS, now)
    await ctx.db.execute(FORGET_EXPIRED_MUTES, now)
    await ctx.db.execute(FORGET_EXPIRED_LINKS, now)
    await ctx.db.execute(FORGET_UNCONFIRMED, now - sign_ups.KEPT_FOR)
    await ctx.db.execute(FORGET_UNCONFIRMED_SUBSCRIPTIONS, now - UNCONFIRMED_KEPT_FOR)
    await ctx.db.execute(FORGET_PROCESSED, now - PROCESSED_KEPT_FOR)
    await ctx.db.execute(FORGET_TRANSLATIONS, now - TRANSLATIONS_KEPT_FOR)
    await ctx.db.execute(FORGET_BACKFILLS, now - BACKFILLS_KEPT_FOR)
    await ctx.db.execute(FORGET_OLD_IMPORTS, now - IMPORTS_KEPT_FOR)
    await ctx.db.execute(FORGET_EMPTY_REQUESTS)
    await ctx.db.execute(FORGET_ENDED_ITEMS, now - ENDED_ITEMS_KEPT_FOR)
    await ctx.db.execute(FORGET_UNPOSTED_MEDIA, now - UNPOSTED_MEDIA_KEPT_FOR)
    await ctx.db.execute(FORGET_CARDS, now - CARDS_KEPT_FOR)
    await prune(ctx)
    await remove_unnamed(ctx)
    await delete_departed(ctx)
    await clean_again(ctx)
    return 0

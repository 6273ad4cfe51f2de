"""What the clock calls: kits made anew each week, and changes of recovery keys that have waited."""

import logging
from datetime import timedelta
from typing import Final

from fedserver.context import Context
from fedserver.effects.recovery_key import make_due_changes
from fedserver.errors import FedserverError
from fedserver.events import KITS
from fedserver.services.recovery_pins import PERSONS_WORD
from fedserver.services.work_loop import Work, work_always
from fedserver.survival.kits.making import make_kit
from storage.kits import BEGIN_KITS, CLAIM_KITS, KIT_FAILED, NEXT_KIT_AT, KitRow
from storage.recovery_keys import FORGET_OLD_FOLLOWERS

log = logging.getLogger(__name__)

_CLAIM_FOR: Final = timedelta(hours=1)
_AGAIN_AFTER: Final = timedelta(hours=6)
_SWEEP_S: Final = 600.0


async def keep_kits_fresh(ctx: Context) -> None:
    """Make the kits that are due until cancelled; sleep until one is."""
    work = Work("kits", make_due_kit, KITS, NEXT_KIT_AT, sweep_s=_SWEEP_S, least_s=1)
    await work_always(ctx, work)


async def make_due_kit(ctx: Context) -> int:
    """Make one kit that is due, and the changes of keys; give how many kits there were."""
    now = ctx.clock.now()
    await make_due_changes(ctx)
    await ctx.db.execute(FORGET_OLD_FOLLOWERS, now - PERSONS_WORD)
    await ctx.db.execute(BEGIN_KITS, now)
    due = await ctx.db.fetch(CLAIM_KITS, now, now + _CLAIM_FOR, 1)
    for kit in due:
        await _make(ctx, kit)
    return len(due)


async def _make(ctx: Context, kit: KitRow) -> None:
    try:
        await make_kit(ctx, kit)
    except (FedserverError, OSError) as error:
        log.warning("the kit of account %s cannot be made: %s", kit.account_id, error)
        await ctx.db.execute(
            KIT_FAILED, kit.account_id, str(error)[:500], ctx.clock.now() + _AGAIN_AFTER
        )

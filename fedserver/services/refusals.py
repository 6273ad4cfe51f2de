"""What we and a peer would not take from each other, kept for the admin to read."""

from typing import Literal

from fedserver.context import Context
from storage.peers import NOTE_REFUSED

# A peer that is refused again and again costs a write now and then.
_NOTED_EVERY_S = 10.0


async def note(
    ctx: Context, host: str, by: Literal["us", "them"], activity: str, reason: str
) -> None:
    """Keep a refusal with its host, if that is known; not each of many in a row."""
    if ctx.recent.claim(("refusal noted", host, by), every_s=_NOTED_EVERY_S):
        await ctx.db.execute(NOTE_REFUSED, host, by, activity, reason, ctx.clock.now())

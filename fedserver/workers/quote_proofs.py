"""Asks again for consents to quotes, and for other leave, that could not be read at first."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from fedserver.context import Context
from fedserver.effects import settle_proof
from fedserver.services.authorizing import Proof
from fedserver.services.work_loop import Work, work_always
from fedserver.workers.leave_proofs import prove_claims, prove_named
from storage.quotes import TAKE_CLAIMED, ClaimedRow

ASK_AGAIN_AFTER = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=7)
_AT_A_TIME = 10
_EVERY_S = 60.0


async def prove_always(ctx: Context) -> None:
    """Ask for what could not be read, until cancelled."""
    for_quotes = Work("proving quotes", prove_some, full=_AT_A_TIME, first_after_s=_EVERY_S)
    for_others = replace(for_quotes, what="proving leave", do=prove_claims)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(work_always(ctx, for_quotes))
        tasks.create_task(work_always(ctx, for_others))


async def prove_some(ctx: Context) -> int:
    """Ask for the consents whose turn it is; give how many were asked for."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(
        TAKE_CLAIMED, now, now - ASK_AGAIN_AFTER, now - GIVEN_UP_AFTER, _AT_A_TIME
    )
    for row in due:
        proof = await _prove(ctx, row)
        if proof is not Proof.UNKNOWN:
            await settle_proof(ctx, row.status_id, row.authorization_uri, proof)
    return len(due)


async def _prove(ctx: Context, row: ClaimedRow) -> Proof:
    return await prove_named(
        ctx,
        row.quoted_account_id,
        "QuoteAuthorization",
        row.authorization_uri,
        row.quoting_uri,
        row.quoted_uri,
    )

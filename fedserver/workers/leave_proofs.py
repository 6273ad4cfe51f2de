"""Asks again for the leave that answers and boosts of peers' people name, where it could not be
read when they came."""

from datetime import timedelta

from activitypub.model import Authorization
from fedserver.context import Context
from fedserver.effects import AUTHORIZATION_TYPES, settle_claim
from fedserver.services.authorizing import Proof, prove
from fedserver.services.fetch import Budget
from storage.accounts import ACCOUNT_BY_ID
from storage.approvals import TAKE_CLAIMS, ClaimRow

ASK_AGAIN_AFTER = timedelta(hours=1)
GIVEN_UP_AFTER = timedelta(days=7)
_AT_A_TIME = 10


async def prove_claims(ctx: Context) -> int:
    """Ask for the authorizations whose turn it is; give how many were asked for."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(
        TAKE_CLAIMS, now, now - ASK_AGAIN_AFTER, now - GIVEN_UP_AFTER, _AT_A_TIME
    )
    for row in due:
        proof = await _prove(ctx, row)
        if proof is not Proof.UNKNOWN:
            await settle_claim(ctx, row.id, row.authorization_uri, proof)
    return len(due)


async def _prove(ctx: Context, row: ClaimRow) -> Proof:
    kind = AUTHORIZATION_TYPES[row.kind]
    return await prove_named(
        ctx, row.target_id, kind, row.authorization_uri, row.interaction_uri, row.status_uri
    )


async def prove_named(
    ctx: Context, author_id: int, kind: str, uri: str, interaction_uri: str, target_uri: str
) -> Proof:
    """Look whether the authorization `uri` is really one of that author, for that interaction."""
    author = await ctx.db.one(ACCOUNT_BY_ID, author_id)
    if author is None:
        return Proof.INVALID
    authorization = Authorization(
        id=uri,
        type=kind,
        attributed_to=author.uri,
        interacting_object=interaction_uri,
        interaction_target=target_uri,
    )
    return await prove(ctx, authorization, author, Budget(ctx.config.federation.fetch_budget))

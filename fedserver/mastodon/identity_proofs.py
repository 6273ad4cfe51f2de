"""Proofs of identity (Mastodon API: accounts#identity_proofs), which Mastodon itself gave up."""

from fedserver.context import Context
from fedserver.mastodon.subjects import target_account
from fedserver.routing import JSON, Caller, endpoint


@endpoint(
    "GET",
    "/api/v1/accounts/{account_id}/identity_proofs",
    scope="read:accounts",
    always_empty=True,
)
async def identity_proofs(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Show that there are none: no such proofs can be made any more, here or elsewhere."""
    await target_account(ctx, account_id)
    return []

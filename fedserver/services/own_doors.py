"""The list of our own other addresses, signed by the instance's key, for all who ask."""

from typing import Any, Final

from activitypub.keys import did_key
from fedserver.context import Context
from fedserver.recovery.alternates import VALID_FOR, sign_alternates
from fedserver.services.instance_recovery import current_recovery, statement_key
from storage.doors import OWN_DOORS, PUT_OWN_DOORS, OwnDoorsRow

PATH: Final = "/.well-known/fedserver-alternates"


async def published_alternates(ctx: Context) -> dict[str, Any] | None:
    """Give what is published: the signed list and, where there is a recovery key, its word for the
    key that signed. None where there never was a list.

    An empty list is published, too, once there was another: so peers forget that one.
    """
    row = await ctx.db.one(OWN_DOORS)
    alternates = ctx.config.server.alternates
    if row is None and not alternates:
        return None
    recovery = await current_recovery(ctx)
    statement = await _statement(ctx, row)
    if recovery is None:
        return {"statement": statement}
    return {"statement": statement, "authorization": recovery.authorization_statement}


async def _statement(ctx: Context, row: OwnDoorsRow | None) -> dict[str, Any]:
    now, alternates = ctx.clock.now(), ctx.config.server.alternates
    by = await statement_key(ctx)
    if row is not None and _still_good(ctx, row, did_key(by.public_key())):
        return row.statement
    # Later than any before it, even where the last ones are lost with a restored backup.
    sequence = max(int(now.timestamp()), row.sequence + 1 if row else 0)
    signed = sign_alternates(ctx.config.base_url, alternates, sequence=sequence, by=by, now=now)
    await ctx.db.execute(PUT_OWN_DOORS, list(alternates), sequence, signed, now, now + VALID_FOR)
    return signed


def _still_good(ctx: Context, row: OwnDoorsRow, key: str) -> bool:
    statement = row.statement
    return (
        tuple(row.alternates) == ctx.config.server.alternates
        and row.expires_at - ctx.clock.now() > VALID_FOR / 2
        and statement.get("instance") == ctx.config.base_url
        and statement.get("proof", {}).get("verificationMethod") == key
    )

"""The other addresses of peers: learnt while they are reached, tried when they are not."""

import logging

from fedserver.context import Context
from fedserver.recovery.alternates import Pin, read_alternates
from fedserver.recovery.statements import NotVouchedFor
from storage.doors import PEER_DOORS, PUT_PEER_DOORS, PeerDoorsRow

log = logging.getLogger(__name__)


async def learn_doors(ctx: Context, host: str, published: object) -> bool:
    """Keep the list that the instance at `host` publishes, if it is to be believed; give whether it
    was. The first one names the key that all later ones need, until it has expired."""
    now = ctx.clock.now()
    known = await ctx.db.one(PEER_DOORS, host)
    pin = None if known is None or known.expires_at <= now else _pin(known)
    instance = f"{ctx.config.scheme_of(host)}://{host}"
    try:
        found = read_alternates(
            published, instance=instance, pin=pin, now=now, plain_http=ctx.config.plain_http
        )
    except NotVouchedFor as error:
        log.warning("the alternate addresses of %s are not believed: %s", host, error)
        return False
    await ctx.db.execute(
        PUT_PEER_DOORS,
        host,
        found.key_did,
        found.recovery_did,
        list(found.alternates),
        found.sequence,
        found.expires_at,
        now,
    )
    return True


def _pin(row: PeerDoorsRow) -> Pin:
    return Pin(row.key_did, row.recovery_did, row.sequence)

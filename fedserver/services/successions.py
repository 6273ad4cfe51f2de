"""Who goes on for an instance whose domain is lost, by the word of its recovery key.

A certificate says that an instance goes on under another domain; where two hosts hold the same
backup, the higher epoch is right. Successors can be named ahead of time. Both are statements
(`fedserver.recovery.statements`) by the key whose did peers have pinned while the instance lived.
"""

import logging
from collections.abc import Collection, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from activitypub.errors import ProtocolError
from activitypub.json_bytes import loads
from activitypub.webfinger import normalise_domain
from fedserver.context import Context
from fedserver.errors import FedserverError, Invalid, Refused
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement
from fedserver.services import fetch
from fedserver.services.instance_recovery import ROTATION
from storage.evacuations import CERTIFICATES, EvacuationRow
from storage.successions import (
    PEER_EVACUATION,
    PIN_DID,
    PINNED_DID,
    PUT_PEER_EVACUATION,
    PUT_SUCCESSOR_STATEMENT,
    SUCCESSOR_STATEMENT,
)

log = logging.getLogger(__name__)

CERTIFICATE: Final = "EvacuationCertificate"
SUCCESSORS: Final = "AnnouncedSuccessors"
PATH: Final = "/.well-known/fedserver/succession"
_ASK_AGAIN_AFTER_S = 600.0
_MOST_STATEMENTS = 20


def certificate(ctx: Context, evacuation: EvacuationRow, key: RecoveryKey) -> dict[str, Any]:
    """Give the signed statement that the instance goes on at the new base."""
    said = {
        "type": CERTIFICATE,
        "instance": evacuation.old_base,
        "successor": evacuation.new_base,
        "epoch": evacuation.epoch,
        "did": key.public.did,
    }
    return sign_statement(said, by=key.signing, now=ctx.clock.now())


def named_successors(ctx: Context, domains: Collection[str], key: RecoveryKey) -> dict[str, Any]:
    """Give the signed list of domains under which the instance may go on one day."""
    said = {
        "type": SUCCESSORS,
        "instance": ctx.config.base_url,
        "successors": list(domains),
        "did": key.public.did,
    }
    return sign_statement(said, by=key.signing, now=ctx.clock.now())


async def announced(ctx: Context) -> list[str]:
    """Give the domains that are named as successors."""
    row = await ctx.db.one(SUCCESSOR_STATEMENT)
    return list(row.statement["successors"]) if row else []


async def announce(
    ctx: Context, key: RecoveryKey, *, add: str | None = None, remove: str | None = None
) -> list[str]:
    """Name one successor more or one less; give all. Raises Invalid for what is no domain."""
    named = [one for one in await announced(ctx) if one != remove]
    if add is not None:
        try:
            domain = normalise_domain(add)
        except ProtocolError as error:
            raise Invalid(f"{add} is no domain: write it as in new.example") from error
        named = [*(one for one in named if one != domain), domain]
    signed = named_successors(ctx, named, key)
    await ctx.db.execute(PUT_SUCCESSOR_STATEMENT, signed, ctx.clock.now())
    return named


async def succession(ctx: Context) -> dict[str, Any]:
    """Give what this instance publishes of where it came from and where it would go."""
    named = await ctx.db.one(SUCCESSOR_STATEMENT)
    return {
        "instance": ctx.config.base_url,
        "certificates": [row.certificate for row in await ctx.db.fetch(CERTIFICATES)],
        "successors": named.statement if named else None,
    }


async def pin(ctx: Context, host: str, metadata: Mapping[str, Any]) -> None:
    """Keep whose word counts when `host` is gone, of the metadata of its NodeInfo.

    The first did is believed; another one later only by the word of the first.
    """
    did, now = metadata.get("recoveryKey"), ctx.clock.now()
    if not isinstance(did, str) or not did.startswith("did:key:z") or len(did) > 200:
        return
    known = await ctx.db.value(PINNED_DID, host)
    if known in (None, did):
        await ctx.db.execute(PIN_DID, host, did, None, now)
    elif any(_is_rotation(ctx, one, known, did) for one in _statements(metadata)):
        await ctx.db.execute(PIN_DID, host, did, known, now)


def _statements(metadata: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = metadata.get("recoveryStatements")
    listed = given[:_MOST_STATEMENTS] if isinstance(given, list) else []
    return [one for one in listed if isinstance(one, dict)]


def _is_rotation(ctx: Context, said: dict[str, Any], known: str, did: str) -> bool:
    if (said.get("type"), said.get("from"), said.get("to")) != (ROTATION, known, did):
        return False
    try:
        check_statement(said, trusted=(known,), now=ctx.clock.now())
    except NotVouchedFor:
        return False
    return True


async def require_successor(ctx: Context, old_uri: str, new_uri: str) -> bool:
    """Check where somebody of an instance moves to against what its recovery key has said.

    True where that key vouches for the new host; False where nothing is known. Raises Refused
    where the instance goes on elsewhere: whoever else holds its keys is not it.
    """
    old_host, new_host = _host(old_uri), _host(new_uri)
    did = await ctx.db.value(PINNED_DID, old_host)
    if did is None or old_host == new_host:
        return False
    if ctx.recent.claim(("succession", old_host, new_host), every_s=_ASK_AGAIN_AFTER_S):
        await learn(ctx, old_host, new_host, did)
    known = await ctx.db.one(PEER_EVACUATION, old_host)
    if known is None:
        return False
    if known.new_host != new_host:
        raise Refused(f"{old_host} goes on as {known.new_host}, by the word of its recovery key")
    return True


async def learn(ctx: Context, old_host: str, new_host: str, did: str) -> None:
    """Read what `new_host` has from the recovery key `did` of `old_host`. One that does not answer
    has nothing."""
    scheme = "http" if ctx.config.plain_http else "https"
    try:
        fetch.refuse_unfederated(ctx, new_host)
        response = await ctx.out.request(
            "GET", f"{scheme}://{new_host}{PATH}", limits=fetch.limits(ctx)
        )
        published = loads(response.body) if response.status == 200 else {}
    except (FedserverError, ProtocolError):
        return
    listed = published.get("certificates") if isinstance(published, dict) else None
    for one in listed[:_MOST_STATEMENTS] if isinstance(listed, list) else ():
        if isinstance(one, dict):
            await _keep(ctx, one, old_host, new_host, did)


async def _keep(ctx: Context, said: dict[str, Any], old_host: str, new_host: str, did: str) -> None:
    hosts = (_host(str(said.get("instance"))), _host(str(said.get("successor"))))
    epoch = said.get("epoch")
    if said.get("type") != CERTIFICATE or hosts != (old_host, new_host):
        return
    if not isinstance(epoch, int) or isinstance(epoch, bool) or not 0 < epoch < 2**53:
        return
    try:
        check_statement(said, trusted=(did,), now=ctx.clock.now())
    except NotVouchedFor as error:
        log.warning("a certificate of %s for %s does not hold: %s", old_host, new_host, error)
        return
    await ctx.db.execute(PUT_PEER_EVACUATION, old_host, new_host, epoch, said, ctx.clock.now())


def _host(uri: str) -> str:
    return urlsplit(uri).netloc.lower()

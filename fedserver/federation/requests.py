"""What a peer's HTTP request says of its sender."""

import re

from aiohttp import web

from activitypub.errors import DocumentError, SignatureError
from activitypub.origins import host_of
from activitypub.signatures import read_claim
from fedserver.context import Context
from fedserver.errors import Forbidden, Unsigned
from fedserver.routing import signed_request
from fedserver.services import verification
from storage.accounts import ACCOUNT_BY_URI, AccountRow

# `keyId` of draft-cavage, `keyid` of RFC 9421.
_KEY_ID = re.compile(r'key[Ii]d="([^"]*)"')


def refuse_blocked(ctx: Context, request: web.Request) -> None:
    """Raise Forbidden where the key that the request names is of a domain we do not deal with.

    That needs no proof: nobody gains by naming a key of a blocked domain.
    """
    for host in claimed_hosts(request):
        _refuse_host(ctx, host)


def claimed_hosts(request: web.Request) -> list[str]:
    """Give the hosts of the keys that a request says it is signed with. Nothing proves it yet."""
    values = [
        value
        for header in ("Signature", "Signature-Input")
        for value in request.headers.getall(header, ())
    ]
    hosts = [_host_or_none(key_id) for value in values for key_id in _KEY_ID.findall(value)]
    return [host for host in hosts if host is not None]


def refuse_blocked_uri(ctx: Context, uri: str) -> None:
    """Raise Forbidden where `uri` is of a domain we do not deal with. What is no URL passes."""
    host = _host_or_none(uri)
    if host is not None:
        _refuse_host(ctx, host)


def _host_or_none(uri: str) -> str | None:
    try:
        return host_of(uri)
    except DocumentError:
        return None


def _refuse_host(ctx: Context, host: str) -> None:
    if ctx.domains.refuses(host):
        raise Forbidden("This server does not federate with yours")


async def check_fetch(ctx: Context, request: web.Request) -> None:
    """Let anybody read what is public, and fetch no key for it: a peer that verifies us asks for
    our actor, and must not have to wait until we have verified the peer.

    Raises Forbidden to who signs with a key of a domain we do not deal with; Unsigned as
    `signer_of` does, but only where only signed fetches are served.
    """
    refuse_blocked(ctx, request)
    if ctx.config.federation.only_signed_fetches:
        await signer_of(ctx, request)


async def signer_of(ctx: Context, request: web.Request) -> AccountRow | None:
    """Give the account that signed a GET; None where it is not signed.

    Raises Unsigned for a signature that is wrong, and, where only signed fetches are served,
    for a missing one.
    """
    if not _is_signed(request):
        if ctx.config.federation.only_signed_fetches:
            raise Unsigned("Request not signed")
        return None
    try:
        key = await verification.signer(ctx, signed_request(ctx, request, b""))
    except SignatureError as error:
        raise Unsigned(error.reason) from error
    account = await ctx.db.one(ACCOUNT_BY_URI, key.actor_uri)
    if account is None or account.gone:
        raise Unsigned("the signer is not welcome here")
    return account


async def known_signer(ctx: Context, request: web.Request) -> AccountRow | None:
    """Give the account that signed a GET where its key is known here already; None for all others,
    who read what everybody may read, and for whom nothing is fetched.

    Raises Unsigned as `signer_of` does.
    """
    if ctx.config.federation.only_signed_fetches:
        return await signer_of(ctx, request)
    if not _is_signed(request):
        return None
    try:
        claim = read_claim(signed_request(ctx, request, b""), now=ctx.clock.now())
    except SignatureError as error:
        raise Unsigned(error.reason) from error
    if await verification.known_key(ctx, claim.key_id) is None:
        return None
    return await signer_of(ctx, request)


def _is_signed(request: web.Request) -> bool:
    return "Signature" in request.headers or "Signature-Input" in request.headers

"""Who signed: one function, asked for requests to the inbox, signed fetches and proofs alike."""

import asyncio
from collections.abc import Callable
from functools import partial

from activitypub.errors import KeyFormatError, ProtocolError, SignatureError
from activitypub.keys import PublicKey, multikey_decode
from activitypub.signatures import SignedRequest, check_signature, read_claim
from fedserver.context import Context
from fedserver.errors import FedserverError, Gone
from fedserver.services import fetch, resolve
from fedserver.services.fetch import Budget
from storage.accounts import SIGNER_KEY, SignerKeyRow

# A key may be read anew when its signature fails, but not at every failure.
_REFETCH_EVERY_S = 300.0
_KEY_FETCHES = 4  # the key, its owner, and WebFinger of the owner

# Raises SignatureError if it was not this key that signed.
Check = Callable[[PublicKey], None]


class UnknownKey(SignatureError):
    """The key is not known here and could not be had."""


class KeyGone(UnknownKey):
    """The key's owner was deleted at its own server."""


async def signer(ctx: Context, request: SignedRequest) -> SignerKeyRow:
    """Give the key that signed `request`, and with it whose request it is.

    Raises SignatureError where nobody provably did: digest, date, coverage, key or
    signature is wrong or missing.
    """
    claim = read_claim(request, now=ctx.clock.now())
    check = partial(check_signature, claim)
    return await verified_key(ctx, claim.key_id, check, Budget(_KEY_FETCHES))


async def verified_key(ctx: Context, key_id: str, check: Check, budget: Budget) -> SignerKeyRow:
    """Give the key `key_id` once `check` has passed with it; read anew, within bounds, where it is
    not known or does not pass: it may have been replaced.

    Raises SignatureError where it cannot be had, and what `check` raises.
    """
    stored = await known_key(ctx, key_id)
    if stored is None:
        return _checked(ctx, await _new_key(ctx, key_id, budget), check)
    try:
        return _checked(ctx, stored, check)
    except SignatureError:
        if stored.ours or not _may_refetch(ctx, key_id):
            raise
    return _checked(ctx, await _fetched_key(ctx, key_id, budget), check)


async def known_key(ctx: Context, key_id: str) -> SignerKeyRow | None:
    """Give a key that is stored here, without asking anybody; as it was some seconds ago."""
    kept = ctx.signer_keys.get(key_id)
    if kept is not None:
        return kept
    row = await ctx.db.one(SIGNER_KEY, key_id)
    if row is not None:
        ctx.signer_keys.put(key_id, row)
    return row


def _checked(ctx: Context, key: SignerKeyRow, check: Check) -> SignerKeyRow:
    if key.expires_at is not None and key.expires_at <= ctx.clock.now():
        raise SignatureError("the key has expired")
    check(_public_key(ctx, key))
    return key


def _public_key(ctx: Context, key: SignerKeyRow) -> PublicKey:
    try:
        if key.public_key.startswith("z"):
            return multikey_decode(key.public_key)
        return ctx.key_cache.public(key.public_key)
    except KeyFormatError as error:
        raise SignatureError(error.reason) from error


async def _new_key(ctx: Context, key_id: str, budget: Budget) -> SignerKeyRow:
    """Read a key that was not known; who asks while it is being read shares the answer."""

    async def read() -> SignerKeyRow:
        # Somebody may have stored it between the caller's look and now.
        return await known_key(ctx, key_id) or await _fetched_key(ctx, key_id, budget)

    return await fetch.once(ctx, f"key {key_id}", read)


async def _fetched_key(ctx: Context, key_id: str, budget: Budget) -> SignerKeyRow:
    """Read the key from its owner, and the owner with it."""
    try:
        async with asyncio.timeout(ctx.config.longest_request_s):
            actor, _ = await fetch.key(ctx, key_id, budget)
            await resolve.store_actor(ctx, actor, budget)
    except Gone as error:
        raise KeyGone("the key's owner is gone") from error
    except (FedserverError, ProtocolError, TimeoutError) as error:
        raise UnknownKey(f"the key {key_id} cannot be had: {error}") from error
    ctx.signer_keys.forget(key_id)
    key = await known_key(ctx, key_id)
    if key is None:
        raise UnknownKey("the key's owner does not list it")
    return key


def _may_refetch(ctx: Context, key_id: str) -> bool:
    return ctx.recent.claim(("key refetched", key_id), every_s=_REFETCH_EVERY_S)

"""Who signed a request: one function, asked by the inbox and by signed fetches alike."""

import asyncio

from activitypub.errors import KeyFormatError, ProtocolError, SignatureError
from activitypub.keys import PublicKey, multikey_decode
from activitypub.signatures import Claim, SignedRequest, check_signature, read_claim
from fedserver.context import Context
from fedserver.errors import FedserverError, Gone
from fedserver.services import fetch, resolve
from fedserver.services.fetch import Budget
from storage.accounts import SIGNER_KEY, SignerKeyRow

# A key may be read anew when its signature fails, but not at every failure.
_REFETCH_EVERY_S = 300.0
_KEY_FETCHES = 4  # the key, its owner, and WebFinger of the owner


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
    stored = await known_key(ctx, claim.key_id)
    if stored is None:
        return await _verify_with(ctx, claim, await _new_key(ctx, claim.key_id))
    try:
        return await _verify_with(ctx, claim, stored)
    except SignatureError:
        if stored.ours or not _may_refetch(ctx, claim.key_id):
            raise
    return await _verify_with(ctx, claim, await _fetched_key(ctx, claim.key_id))


async def known_key(ctx: Context, key_id: str) -> SignerKeyRow | None:
    """Give a key that is stored here, without asking anybody; as it was some seconds ago."""
    kept = ctx.signer_keys.get(key_id)
    if kept is not None:
        return kept
    row = await ctx.db.one(SIGNER_KEY, key_id)
    if row is not None:
        ctx.signer_keys.put(key_id, row)
    return row


async def _verify_with(ctx: Context, claim: Claim, key: SignerKeyRow) -> SignerKeyRow:
    check_signature(claim, _public_key(ctx, key))
    return key


def _public_key(ctx: Context, key: SignerKeyRow) -> PublicKey:
    try:
        if key.public_key.startswith("z"):
            return multikey_decode(key.public_key)
        return ctx.key_cache.public(key.public_key)
    except KeyFormatError as error:
        raise SignatureError(error.reason) from error


async def _new_key(ctx: Context, key_id: str) -> SignerKeyRow:
    """Read a key that was not known; who asks while it is being read shares the answer."""

    async def read() -> SignerKeyRow:
        # Somebody may have stored it between the caller's look and now.
        return await known_key(ctx, key_id) or await _fetched_key(ctx, key_id)

    return await fetch.once(ctx, f"key {key_id}", read)


async def _fetched_key(ctx: Context, key_id: str) -> SignerKeyRow:
    """Read the key from its owner, and the owner with it."""
    budget = Budget(_KEY_FETCHES)
    try:
        async with asyncio.timeout(ctx.config.federation.request_timeout_s):
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

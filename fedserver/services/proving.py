"""Object integrity proofs (FEP-8b32): made for what our people say in public, and believed where a
peer brings what another one said."""

import asyncio
import logging
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.errors import DocumentError, SignatureError, Untrusted
from activitypub.linked_data import add_signature, with_security_context
from activitypub.origins import same_origin
from activitypub.proofs import add_proof, has_proof, read_proof, verify_proof
from fedserver.context import Context
from fedserver.services import recovery_pins, signing, verification
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.database import Database, Transaction

Json = dict[str, Any]

log = logging.getLogger(__name__)

# Less than the inbox remembers ids for: what it has forgotten must not be done once more.
BELIEVED_FOR: Final = timedelta(days=10)


async def prove(
    ctx: Context,
    db: Database | Transaction,
    author: AccountRow,
    document: Json,
    *,
    passed_on: bool = False,
) -> Json:
    """Give `document` with a proof of its author's key, as far as they have such a key; where it
    is to be passed on by Mastodon's like, with a linked data signature too.

    One that cannot be signed is given as it is: it is still true.
    """
    try:
        if passed_on:
            return await _signed_for_graphs(ctx, db, author, document)
        document = await _with_proven_object(ctx, db, author, document)
        return await _with_proof(ctx, db, author.id, document, ctx.clock.now())
    except DocumentError as error:
        log.warning("%s cannot be proven: %s", document.get("id"), error.reason)
        return document


async def prove_object(
    ctx: Context, db: Database | Transaction, author_id: int, document: Json, made: datetime
) -> Json:
    """Give a public object, or an actor, with a proof of its author's key, as `prove`. `made` is
    since when it is as it is: what did not change keeps its proof."""
    try:
        return await _with_proof(ctx, db, author_id, document, made)
    except DocumentError as error:
        log.warning("%s cannot be proven: %s", document.get("id"), error.reason)
        return document


async def _with_proven_object(
    ctx: Context, db: Database | Transaction, author: AccountRow, activity: Json
) -> Json:
    """The object counts by itself, too, for whoever gets it from somebody else. It takes the
    activity's context along. Not where the graph is signed: other processors of JSON-LD may not
    like one context within another."""
    inner = activity.get("object")
    if not isinstance(inner, dict) or author.uri not in (
        inner.get("attributedTo"),
        inner.get("id"),
    ):
        return activity
    if inner.get("type") == "Tombstone":
        return activity
    whole = {"@context": activity.get("@context"), **inner}
    return {**activity, "object": await _with_proof(ctx, db, author.id, whole, ctx.clock.now())}


async def _with_proof(
    ctx: Context, db: Database | Transaction, author_id: int, document: Json, made: datetime
) -> Json:
    key = await signing.own_key(ctx, db, author_id, "ed25519")
    if key is None or not isinstance(key.private_key, Ed25519PrivateKey):
        return document
    # Half a millisecond: not worth a thread.
    return add_proof(document, key_id=key.key_id, private_key=key.private_key, now=made)


async def _signed_for_graphs(
    ctx: Context, db: Database | Transaction, author: AccountRow, document: Json
) -> Json:
    """The signature covers the proof, which covers the contexts of both (FEP-8b32)."""
    whole = with_security_context(document)
    proven = await _with_proof(ctx, db, author.id, whole, ctx.clock.now())
    key = await signing.own_key(ctx, db, author.id, "rsa")
    if key is None or not isinstance(key.private_key, RSAPrivateKey):
        return proven
    sign = partial(
        add_signature, key_id=key.key_id, private_key=key.private_key, now=ctx.clock.now()
    )
    return await asyncio.to_thread(sign, proven)


async def proven_actor(ctx: Context, document: Json, budget: Budget) -> str | None:
    """Give the actor of an activity if a proof of that actor's own key is on it, else None.

    `document` has to be as it came. Raises Untrusted for an activity of ours, which nobody brings
    us, and for one of somebody who is suspended here.
    """
    actor = document.get("actor")
    if not isinstance(actor, str) or not has_proof(document):
        return None
    if same_origin(actor, ctx.config.base_url):
        raise Untrusted("an activity of our own came from outside")
    try:
        claim = await asyncio.to_thread(read_proof, document, now=ctx.clock.now())
        if claim.created is None or ctx.clock.now() - claim.created > BELIEVED_FOR:
            return None
        if await recovery_pins.spoken_by(ctx, document) is not None:
            return actor
        if not same_origin(claim.verification_method, actor):
            return None
        check = partial(verify_proof, claim)
        key = await verification.verified_key(ctx, claim.verification_method, check, budget)
    except SignatureError:
        return None
    if key.suspended:
        raise Untrusted("the actor is suspended here")
    return actor if key.actor_uri == actor else None

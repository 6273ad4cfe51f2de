"""Object integrity proofs (FEP-8b32): made for what our people say in public, and believed where a
peer brings what another one said."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.errors import SignatureError, Untrusted
from activitypub.origins import same_origin
from activitypub.proofs import add_proof, has_proof, read_proof, verify_proof
from fedserver.context import Context
from fedserver.services import signing, verification
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.database import Database, Transaction

Json = dict[str, Any]

# Less than the inbox remembers ids for: what it has forgotten must not be done once more.
BELIEVED_FOR: Final = timedelta(days=10)


async def prove(
    ctx: Context, db: Database | Transaction, author: AccountRow, document: Json
) -> Json:
    """Give `document` with a proof of its author's key; as it is where they have no such key."""
    key = await signing.proof_key(ctx, db, author.id)
    if key is None or not isinstance(key.private_key, Ed25519PrivateKey):
        return document
    return add_proof(document, key_id=key.key_id, private_key=key.private_key, now=ctx.clock.now())


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
        if not same_origin(claim.verification_method, actor):
            return None
        check = partial(verify_proof, claim)
        key = await verification.verified_key(ctx, claim.verification_method, check, budget)
    except SignatureError:
        return None
    if key.suspended:
        raise Untrusted("the actor is suspended here")
    return actor if key.actor_uri == actor else None

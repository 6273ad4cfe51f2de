"""What everybody may know of our people, as ActivityPub documents that prove themselves."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from activitypub.build import to_document
from activitypub.proofs import add_proof
from fedserver import documents
from fedserver.context import Context
from fedserver.services import proving
from fedserver.services.instance_recovery import statement_key
from fedserver.uris import Uris, ed25519_key
from storage.accounts import KEYS_OF_ACCOUNTS, AccountRow, KeyRow
from storage.moves import MOVED_OF_ACCOUNTS
from storage.statuses import StatusRow

Json = dict[str, Any]


async def proven_notes(ctx: Context, rows: Sequence[StatusRow]) -> list[Json]:
    """Give statuses of ours that everybody may see as Notes with proofs, as they are served."""
    notes = await documents.notes(ctx, rows)
    proven = []
    for row in rows:
        made = row.edited_at or row.created_at
        proven.append(await _proven(ctx, row.account_id, to_document(notes[row.id]), made))
    return proven


async def proven_actors(ctx: Context, accounts: Sequence[AccountRow]) -> list[Json]:
    """Give our people as actors with proofs, as they are served."""
    ids = [one.id for one in accounts]
    keys: dict[int, list[KeyRow]] = {account_id: [] for account_id in ids}
    for key in await ctx.db.fetch(KEYS_OF_ACCOUNTS, ids):
        keys[key.account_id].append(key)
        if key.private_key is not None:
            # Whoever proves something of theirs next need not ask for it again.
            ctx.own_keys.put((key.account_id, key.kind), key)
    moved = {one.id: one.moved_to_uri for one in await ctx.db.fetch(MOVED_OF_ACCOUNTS, ids)}
    proven = []
    for one in accounts:
        actor = documents.actor(ctx, one, keys[one.id], moved_to=moved.get(one.id))
        proven.append(await _proven(ctx, one.id, to_document(actor), ctx.clock.now()))
    return proven


async def vouched_actors(ctx: Context, accounts: Sequence[AccountRow]) -> list[Json]:
    """As `proven_actors`, with a second proof of the instance: whoever knows us, and not them,
    learns their keys from it when we are gone."""
    key, now = await statement_key(ctx), ctx.clock.now()
    key_id = ed25519_key(Uris(ctx.config.base_url).instance_actor)
    vouched = []
    for actor in await proven_actors(ctx, accounts):
        await asyncio.sleep(0)
        ours = add_proof(actor, key_id=key_id, private_key=key, now=now)["proof"]
        vouched.append({**actor, "proof": [actor["proof"], ours]} if "proof" in actor else actor)
    return vouched


async def _proven(ctx: Context, author_id: int, document: Json, made: datetime) -> Json:
    # Each takes a fraction of a millisecond; many in a row would hold everybody up.
    await asyncio.sleep(0)
    return await proving.prove_object(ctx, ctx.db, author_id, document, made)

"""What everybody may know of our people, as ActivityPub documents that prove themselves."""

from collections.abc import Sequence
from typing import Any

from activitypub.build import to_document
from fedserver import documents
from fedserver.context import Context
from fedserver.services import proving
from storage.accounts import KEYS_OF_ACCOUNTS, AccountRow, KeyRow
from storage.moves import MOVED_OF_ACCOUNTS
from storage.statuses import StatusRow

Json = dict[str, Any]


async def proven_notes(ctx: Context, rows: Sequence[StatusRow]) -> list[Json]:
    """Give statuses of ours that everybody may see as Notes with proofs, as they are served."""
    notes = await documents.notes(ctx, rows)
    return [
        await proving.prove_object(
            ctx,
            ctx.db,
            row.account_id,
            to_document(notes[row.id]),
            row.edited_at or row.created_at,
        )
        for row in rows
    ]


async def proven_actors(ctx: Context, accounts: Sequence[AccountRow]) -> list[Json]:
    """Give our people as actors with proofs, as they are served."""
    ids = [one.id for one in accounts]
    keys: dict[int, list[KeyRow]] = {account_id: [] for account_id in ids}
    for key in await ctx.db.fetch(KEYS_OF_ACCOUNTS, ids):
        keys[key.account_id].append(key)
    moved = {one.id: one.moved_to_uri for one in await ctx.db.fetch(MOVED_OF_ACCOUNTS, ids)}
    now = ctx.clock.now()
    return [
        await proving.prove_object(
            ctx,
            ctx.db,
            one.id,
            to_document(documents.actor(ctx, one, keys[one.id], moved_to=moved.get(one.id))),
            now,
        )
        for one in accounts
    ]

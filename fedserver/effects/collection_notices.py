"""Telling people here of collections that they are in (Mastodon: added_to_collection,
collection_update)."""

from collections.abc import Sequence

from fedserver.context import Context
from storage.collections import (
    MEMBERS_HERE,
    WITHDRAW_COLLECTION_NOTICES,
    CollectionRow,
)
from storage.database import Transaction
from storage.notifying import NOTIFY_OF_COLLECTION

ADDED, CHANGED = "added_to_collection", "collection_update"


async def tell_added(
    ctx: Context, tx: Transaction, row: CollectionRow, account_ids: Sequence[int]
) -> None:
    """Tell `account_ids` that they were put into a collection."""
    await _tell(ctx, tx, row, ADDED, account_ids)


async def tell_changed(
    ctx: Context, tx: Transaction, before: CollectionRow, after: CollectionRow
) -> None:
    """Tell the members that a collection says something else of them now; of several changes only
    the last."""
    if _meaning(before) == _meaning(after):
        return
    members = await tx.values(MEMBERS_HERE, before.id)
    await tx.execute(WITHDRAW_COLLECTION_NOTICES, members, CHANGED, before.id)
    await _tell(ctx, tx, before, CHANGED, members)


async def withdraw(tx: Transaction, row: CollectionRow, account_id: int) -> None:
    """Take back what somebody was told of a collection that they are not in any more."""
    for kind in (ADDED, CHANGED):
        await tx.execute(WITHDRAW_COLLECTION_NOTICES, [account_id], kind, row.id)


def _meaning(row: CollectionRow) -> tuple[object, ...]:
    return (row.name, row.description, row.sensitive, row.tag_name)


async def _tell(
    ctx: Context, tx: Transaction, row: CollectionRow, kind: str, account_ids: Sequence[int]
) -> None:
    if not account_ids:
        return
    ids = [ctx.ids.new() for _ in account_ids]
    now = ctx.clock.now()
    await tx.execute(
        NOTIFY_OF_COLLECTION, ids, list(account_ids), kind, row.account_id, row.id, now
    )

"""Writing what a collection says, whoever keeps it."""

from fedserver.context import Context
from storage.collections import INSERT_COLLECTION, UPDATE_COLLECTION, CollectionRow
from storage.database import Transaction
from storage.tags import PUT_TAG


async def write_new(ctx: Context, tx: Transaction, owner_id: int, row: CollectionRow) -> None:
    """Write a collection that is not there yet."""
    await _put_topic(ctx, tx, row.tag_name)
    await tx.execute(
        INSERT_COLLECTION,
        row.id,
        owner_id,
        row.uri,
        row.url,
        row.name,
        row.description,
        row.language,
        row.sensitive,
        row.discoverable,
        row.tag_name,
        row.created_at,
        row.updated_at,
    )


async def write_change(
    ctx: Context, tx: Transaction, before: CollectionRow, after: CollectionRow
) -> bool:
    """Write what is different of a collection. False: nothing is."""
    if _said(before) == _said(after):
        return False
    await _put_topic(ctx, tx, after.tag_name)
    await tx.execute(
        UPDATE_COLLECTION,
        before.id,
        after.url,
        after.name,
        after.description,
        after.language,
        after.sensitive,
        after.discoverable,
        after.tag_name,
        after.updated_at,
    )
    return True


def _said(row: CollectionRow) -> tuple[object, ...]:
    return (
        row.url,
        row.name,
        row.description,
        row.language,
        row.sensitive,
        row.discoverable,
        row.tag_name,
    )


async def _put_topic(ctx: Context, tx: Transaction, name: str | None) -> None:
    if name is not None:
        await tx.value(PUT_TAG, ctx.ids.new(), name, name, ctx.clock.now())

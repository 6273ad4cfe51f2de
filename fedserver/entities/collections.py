"""Collection, CollectionItem, CollectionWithAccounts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from fedserver.context import Context
from fedserver.entities.accounts import accounts
from fedserver.entities.times import timestamp
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.collections import COLLECTIONS, SHOWN_ITEMS, CollectionItemRow, CollectionRow

Json = dict[str, Any]


async def collections(ctx: Context, ids: Iterable[int], viewer: int | None) -> list[Json]:
    """Give Collections in the order of `ids`, in two queries; those that are hidden from `viewer`
    are left out (Mastodon API: Collection)."""
    rows = await ctx.db.fetch(COLLECTIONS, list(ids), viewer)
    if not rows:
        return []
    items: dict[int, list[CollectionItemRow]] = defaultdict(list)
    for item in await ctx.db.fetch(SHOWN_ITEMS, [row.id for row in rows], viewer):
        items[item.collection_id].append(item)
    uris = ctx.uris
    return [_collection(uris, row, items[row.id]) for row in rows]


async def collection(ctx: Context, collection_id: int, viewer: int | None) -> Json:
    """Give one Collection. Raises NotFound where there is none for `viewer`."""
    found = await collections(ctx, [collection_id], viewer)
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def collection_with_accounts(ctx: Context, collection_id: int, viewer: int | None) -> Json:
    """Give a CollectionWithAccounts: its owner first, then who is in it."""
    shown = await collection(ctx, collection_id, viewer)
    ids = [shown["account_id"], *(item["account_id"] for item in shown["items"])]
    people = list(dict.fromkeys(int(one) for one in ids))
    return {"collection": shown, "accounts": await accounts(ctx, people, viewer)}


def collection_item(row: CollectionItemRow) -> Json:
    """Give a CollectionItem; whom an ended one named is not said any more."""
    named = row.state in ("pending", "accepted")
    return {
        "id": str(row.id),
        "state": row.state,
        "created_at": timestamp(row.created_at),
        "account_id": str(row.account_id) if named else None,
    }


def _collection(uris: Uris, row: CollectionRow, items: Sequence[CollectionItemRow]) -> Json:
    tag = row.tag_name
    return {
        "id": str(row.id),
        "account_id": str(row.account_id),
        "uri": row.uri,
        "url": row.url,
        "name": row.name,
        "description": row.description,
        "language": row.language,
        "local": row.local,
        "sensitive": row.sensitive,
        "discoverable": row.discoverable,
        "tag": {"name": tag, "url": uris.tag(tag)} if tag else None,
        "item_count": len(items),
        "items": [collection_item(item) for item in items],
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
    }

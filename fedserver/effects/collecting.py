"""What our people do with their collections of accounts: Add, Update and Remove, each with the
collection or the item of it (FEP-7aa9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.featured import collection_document, item_document
from activitypub.model import Activity
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.collection_notices import tell_added, tell_changed
from fedserver.effects.collection_rows import write_change, write_new
from fedserver.effects.feature_consent import RequestFeature
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.collections import (
    COUNT_ITEMS,
    DELETE_COLLECTION,
    DELETE_ITEM,
    INSERT_ITEM,
    ITEM,
    ITEM_OF_ACCOUNT,
    ITEMS_IN,
    LOCK_COLLECTION,
    LOCK_OWNED,
    MAX_COLLECTIONS,
    MEMBERS_INBOXES,
    CollectionItemRow,
    CollectionRow,
)
from storage.database import Transaction
from storage.feature_rights import FEATURE_AUTOMATIC, FEATURE_MANUAL, FEATURE_RIGHTS

MAX_ITEMS = 25


@dataclass(frozen=True, kw_only=True)
class _Collecting(Act):
    """A change of a collection of the actor's. `targets_list`: of which collections there are."""

    collection: CollectionRow

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.collection.account_id != self.actor.id:
            raise Forbidden

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        members = await tx.values(MEMBERS_INBOXES, self.collection.id)
        return Audience(followers_of=self.actor.id, inboxes=tuple(members))

    def _list_uri(self, ctx: Context) -> str:
        return Uris(ctx.config.base_url).featured_collections(self.actor.uri)

    def _activity(
        self, *, target: str | None, embedded: dict[str, object] | None = None, about: str = ""
    ) -> Outgoing:
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            target=target,
            to=(PUBLIC,),
            object=about or None,
            # The model has no place for a FeaturedCollection.
            unknown={"object": embedded} if embedded else {},
        )
        return Outgoing(activity)

    async def _document(self, ctx: Context, tx: Transaction) -> dict[str, object]:
        row = await tx.one(LOCK_COLLECTION, self.collection.id) or self.collection
        items = await tx.fetch(ITEMS_IN, row.id)
        value = documents.featured_collection(ctx, row, self.actor.uri, items)
        return collection_document(value, context=False)


@dataclass(frozen=True, kw_only=True)
class MakeCollection(_Collecting):
    """Make a collection, with these members in it from the start."""

    type: ClassVar[str] = "Add"

    members: tuple[AccountRow, ...] = ()

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if (await tx.value(LOCK_OWNED, self.actor.id) or 0) >= MAX_COLLECTIONS:
            raise Invalid(f"Validation failed: You have {MAX_COLLECTIONS} collections, the most")
        if len(self.members) > MAX_ITEMS:
            raise Invalid(f"Validation failed: A collection has at most {MAX_ITEMS} accounts")
        await require_featurable(tx, self.actor, self.members)
        row = self.collection
        await write_new(ctx, tx, self.actor.id, row)
        items = [await insert_item(ctx, tx, self.actor, row, member) for member in self.members]
        await tell_added(ctx, tx, row, [one.account_id for one in items if one.account_local])
        return True

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        embedded = await self._document(ctx, tx)
        return self._activity(target=self._list_uri(ctx), embedded=embedded)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        asked = {member.id: member for member in self.members if not member.local}
        items = await tx.fetch(ITEMS_IN, self.collection.id)
        return [
            RequestFeature.of(self.actor, self.collection, item, asked[item.account_id])
            for item in items
            if item.account_id in asked
        ]


@dataclass(frozen=True, kw_only=True)
class ChangeCollection(_Collecting):
    """Say something else of a collection: `changed` is how it will be."""

    type: ClassVar[str] = "Update"

    changed: CollectionRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        before = await tx.one(LOCK_COLLECTION, self.collection.id)
        if before is None:
            raise NotFound
        if not await write_change(ctx, tx, before, self.changed):
            return False
        await tell_changed(ctx, tx, before, self.changed)
        return True

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return self._activity(target=None, embedded=await self._document(ctx, tx))


@dataclass(frozen=True, kw_only=True)
class DropCollection(_Collecting):
    """Delete a collection."""

    type: ClassVar[str] = "Remove"

    # Who has it: read before it is gone.
    inboxes: tuple[str, ...] = ()

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_COLLECTION, self.collection.id))

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(followers_of=self.actor.id, inboxes=self.inboxes)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return self._activity(target=self._list_uri(ctx), about=self.collection.uri)


@dataclass(frozen=True, kw_only=True)
class AddToCollection(_Collecting):
    """Put somebody into a collection: one of our people at once, a peer's once it consents."""

    type: ClassVar[str] = "Add"

    member: AccountRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await tx.one(LOCK_COLLECTION, self.collection.id)
        if row is None:
            raise NotFound
        await require_featurable(tx, self.actor, (self.member,))
        if await tx.one(ITEM_OF_ACCOUNT, row.id, self.member.id) is not None:
            raise Invalid("Validation failed: Account has already been taken")
        if (await tx.value(COUNT_ITEMS, row.id) or 0) >= MAX_ITEMS:
            raise Invalid(f"Validation failed: A collection has at most {MAX_ITEMS} accounts")
        await insert_item(ctx, tx, self.actor, row, self.member)
        if self.member.local:
            await tell_added(ctx, tx, row, [self.member.id])
        return True

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        item = await tx.one(ITEM_OF_ACCOUNT, self.collection.id, self.member.id)
        if item is None or item.state != "accepted":
            return None  # who has not consented yet is asked, and told of to nobody
        embedded = item_document(documents.featured_item(item), context=False)
        return self._activity(target=self.collection.uri, embedded=embedded)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        item = await tx.one(ITEM_OF_ACCOUNT, self.collection.id, self.member.id)
        if item is None or self.member.local:
            return ()
        return (RequestFeature.of(self.actor, self.collection, item, self.member),)


@dataclass(frozen=True, kw_only=True)
class RemoveFromCollection(_Collecting):
    """Take somebody out of a collection, or do not wait for them any longer."""

    type: ClassVar[str] = "Remove"

    item: CollectionItemRow
    member: AccountRow

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        others = await tx.values(MEMBERS_INBOXES, self.collection.id)
        return Audience((self.member,), followers_of=self.actor.id, inboxes=tuple(others))

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_ITEM, self.item.id))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return self._activity(target=self.collection.uri, about=self.item.uri or "")


async def require_featurable(
    tx: Transaction, actor: AccountRow, members: Sequence[AccountRow]
) -> None:
    """Raise Forbidden unless all of them let `actor` feature them (canFeature), and neither side
    blocks the other."""
    rows = await tx.fetch(FEATURE_RIGHTS, [one.id for one in members], actor.id)
    granted = {
        row.id
        for row in rows
        if row.expected in (FEATURE_AUTOMATIC, FEATURE_MANUAL) and not row.blocked
    }
    if any(one.id not in granted or one.gone for one in members):
        raise Forbidden("This account cannot be added to collections")


async def insert_item(
    ctx: Context, tx: Transaction, owner: AccountRow, collection: CollectionRow, member: AccountRow
) -> CollectionItemRow:
    """Write a new item of one of our people's collections, and give it."""
    uris, item_id, now = Uris(ctx.config.base_url), ctx.ids.new(), ctx.clock.now()
    await tx.execute(
        INSERT_ITEM,
        item_id,
        collection.id,
        member.id,
        uris.collection_item(owner.uri, item_id),
        "accepted" if member.local else "pending",
        None,
        None if member.local else uris.activity(ctx.ids.new()),
        uris.feature_authorization(member.uri, item_id) if member.local else None,
        now,
        now,
    )
    item = await tx.one(ITEM, item_id)
    if item is None:
        raise Invalid("Validation failed: Account has already been taken")
    return item

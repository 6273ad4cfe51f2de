"""Consent to being in a collection: FeatureRequest, the answers to it, and taking consent back
(FEP-7aa9)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.featured import REQUEST_TYPE, item_document
from activitypub.model import Activity
from activitypub.origins import same_origin
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.collection_notices import tell_added, withdraw
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.peer_collections import bring_collection
from fedserver.errors import Refused
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.collections import (
    BURY_FEATURE_AUTHORIZATION,
    COLLECTION,
    INSERT_ITEM,
    ITEM_BY_AUTHORIZATION,
    ITEM_BY_REQUEST,
    ITEM_OF_ACCOUNT,
    LOCK_COLLECTION,
    LOCK_ITEM,
    MEMBERS_INBOXES,
    SET_ITEM_STATE,
    CollectionItemRow,
    CollectionRow,
)
from storage.database import Transaction
from storage.feature_rights import FEATURE_AUTOMATIC, FEATURE_RIGHTS


@dataclass(frozen=True, kw_only=True)
class RequestFeature(Act):
    """Ask `member` for consent to be in `collection`, which is None where a peer asks and is
    refused: what it made is then not even read."""

    type: ClassVar[str] = REQUEST_TYPE

    member: AccountRow
    collection: CollectionRow | None
    collection_uri: str
    # Decided as it is stored, for what follows from it.
    _granted: list[bool] = field(default_factory=list, compare=False)

    @classmethod
    def of(
        cls, owner: AccountRow, row: CollectionRow, item: CollectionItemRow, member: AccountRow
    ) -> "RequestFeature":
        """Make the act of one of our people, whose item waits."""
        return cls(
            actor=owner,
            uri=item.request_uri or "",
            member=member,
            collection=row,
            collection_uri=row.uri,
        )

    @classmethod
    async def read(cls, incoming: Incoming) -> "RequestFeature":
        """Make the act of a peer that asks for one of our people."""
        member = await incoming.local_account(incoming.object_id)
        asked = incoming.activity.instrument
        if asked is None or not same_origin(asked, incoming.actor.uri):
            raise Refused("it asks for no collection of its own origin")
        ctx, collection = incoming.ctx, None
        if await _is_granted(ctx, member, incoming.actor):
            collection = await bring_collection(ctx, asked, incoming.actor, incoming.budget)
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            member=member,
            collection=collection,
            collection_uri=asked,
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.collection is not None and self.collection.account_id != self.actor.id:
            raise Refused("it asks for the collection of another")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.member.local and self.collection is not None:
            self._granted.append(await self._consent(ctx, tx, self.collection))
        return True

    async def _consent(self, ctx: Context, tx: Transaction, collection: CollectionRow) -> bool:
        """Write the member's consent. False: it was taken back before, or is not given."""
        await tx.one(LOCK_COLLECTION, collection.id)
        known = await tx.one(ITEM_OF_ACCOUNT, collection.id, self.member.id)
        if known is not None and known.state != "pending":
            return known.state == "accepted"
        uris, now = Uris(ctx.config.base_url), ctx.clock.now()
        item_id = ctx.ids.new() if known is None else known.id
        consent = uris.feature_authorization(self.member.uri, item_id)
        if known is not None:
            await tx.execute(SET_ITEM_STATE, item_id, "accepted", consent, now)
        else:
            row = (item_id, collection.id, self.member.id, None, "accepted", None, self.uri)
            await tx.execute(INSERT_ITEM, *row, consent, now, now)
        await tell_added(ctx, tx, collection, [self.member.id])
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.member,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return Outgoing(self._document())

    def _document(self) -> Activity:
        return Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.member.uri,
            instrument=self.collection_uri,
            to=(self.member.uri,),
        )

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if not self.member.local:
            return ()
        answer = AcceptFeature if True in self._granted else RejectFeature
        item = None
        if self.collection is not None:
            item = await tx.one(ITEM_OF_ACCOUNT, self.collection.id, self.member.id)
        return (
            answer(
                actor=self.member,
                uri=Uris(ctx.config.base_url).activity(ctx.ids.new()),
                owner=self.actor,
                collection_uri=self.collection_uri,
                request_uri=self.uri,
                item=item,
                result=item.authorization_uri if item else None,
            ),
        )


async def _is_granted(ctx: Context, member: AccountRow, owner: AccountRow) -> bool:
    rows = await ctx.db.fetch(FEATURE_RIGHTS, [member.id], owner.id)
    granted = any(row.expected == FEATURE_AUTOMATIC and not row.blocked for row in rows)
    return granted and not member.gone


@dataclass(frozen=True, kw_only=True)
class _FeatureAnswer(Act):
    """What somebody says to being in a collection of `owner`."""

    owner: AccountRow
    collection_uri: str
    request_uri: str
    item: CollectionItemRow | None
    result: str | None = None  # the consent

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.owner,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        request = Activity(
            id=self.request_uri,
            type=REQUEST_TYPE,
            actor=self.owner.uri,
            object=self.actor.uri,
            instrument=self.collection_uri,
        )
        answer = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=request,
            result=self.result if self.type == "Accept" else None,
            to=(self.owner.uri,),
        )
        return Outgoing(answer)

    async def _waiting(self, tx: Transaction) -> CollectionItemRow | None:
        if self.item is None:
            return None
        row = await tx.one(LOCK_ITEM, self.item.id)
        return row if row is not None and row.account_id == self.actor.id else None


@dataclass(frozen=True, kw_only=True)
class AcceptFeature(_FeatureAnswer):
    """They consent. Only their own Accept counts."""

    type: ClassVar[str] = "Accept"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.actor.local:
            return True  # written with the request; asked again, answered again
        row = await self._waiting(tx)
        if row is None or row.state != "pending":
            return False
        await tx.execute(SET_ITEM_STATE, row.id, "accepted", self.result, ctx.clock.now())
        return True

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.actor.local or self.item is None:
            return ()
        return (await TellOfItem.of(ctx, tx, self.owner, self.item, added=True),)


@dataclass(frozen=True, kw_only=True)
class RejectFeature(_FeatureAnswer):
    """They do not consent, or no longer."""

    type: ClassVar[str] = "Reject"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.actor.local:
            return True
        row = await self._waiting(tx)
        if row is None or row.state not in ("pending", "accepted"):
            return False
        ended = "rejected" if row.state == "pending" else "revoked"
        await tx.execute(SET_ITEM_STATE, row.id, ended, row.authorization_uri, ctx.clock.now())
        return True

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.actor.local or self.item is None or self.item.state != "accepted":
            return ()
        return (await TellOfItem.of(ctx, tx, self.owner, self.item, added=False),)


@dataclass(frozen=True, kw_only=True)
class RevokeFeature(Act):
    """Somebody does not want to be in a collection any more: their consent is deleted."""

    type: ClassVar[str] = "Delete"

    item: CollectionItemRow
    collection: CollectionRow
    owner: AccountRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await tx.one(LOCK_ITEM, self.item.id)
        if row is None or row.account_id != self.actor.id or row.state in ("rejected", "revoked"):
            return False
        now, consent = ctx.clock.now(), row.authorization_uri
        await tx.execute(SET_ITEM_STATE, row.id, "revoked", consent, now)
        await withdraw(tx, self.collection, self.actor.id)
        if consent is not None:
            await tx.execute(BURY_FEATURE_AUTHORIZATION, consent, self.actor.id, now)
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        members = await tx.values(MEMBERS_INBOXES, self.collection.id)
        return Audience((self.owner,), followers_of=self.actor.id, inboxes=tuple(members))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.item.authorization_uri is None:
            return None
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.item.authorization_uri,
            to=(PUBLIC,),
        )
        return Outgoing(activity)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if not self.owner.local or self.item.state != "accepted":
            return ()
        return (await TellOfItem.of(ctx, tx, self.owner, self.item, added=False),)


@dataclass(frozen=True, kw_only=True)
class TellOfItem(Act):
    """Tell of an item of one of our people's collections that its account's answer changed."""

    type: ClassVar[str] = "Add"

    collection: CollectionRow
    item: CollectionItemRow

    @classmethod
    async def of(
        cls, ctx: Context, tx: Transaction, owner: AccountRow, item: CollectionItemRow, added: bool
    ) -> "TellOfItem":
        """Make the act of the owner: it is in the collection now, or not any more."""
        collection = await tx.one(COLLECTION, item.collection_id)
        if collection is None:
            raise Refused("there is no such collection any more")
        kind = cls if added else TellOfRemoval
        uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
        return kind(actor=owner, uri=uri, collection=collection, item=item)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        members = await tx.values(MEMBERS_INBOXES, self.collection.id)
        return Audience(followers_of=self.actor.id, inboxes=tuple(members))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        row = await tx.one(LOCK_ITEM, self.item.id) or self.item
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            target=self.collection.uri,
            to=(PUBLIC,),
        )
        return Outgoing(self._about(row, activity))

    def _about(self, row: CollectionItemRow, activity: Activity) -> Activity:
        embedded = item_document(documents.featured_item(row), context=False)
        return replace(activity, unknown={"object": embedded})


@dataclass(frozen=True, kw_only=True)
class TellOfRemoval(TellOfItem):
    """Tell that an item is not in a collection any more."""

    type: ClassVar[str] = "Remove"

    def _about(self, row: CollectionItemRow, activity: Activity) -> Activity:
        return replace(activity, object=row.uri)


async def read_feature_answer(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Accept or Reject of being in a collection of one of our people; None
    for an answer to something else."""
    db, activity = incoming.ctx.db, incoming.activity
    item = await db.one(ITEM_BY_REQUEST, incoming.object_id, incoming.actor.id)
    found = await _owned(incoming, item) if item is not None else None
    if item is None or found is None or not found[1].local:
        return None
    collection, owner = found
    answer = AcceptFeature if activity.type == "Accept" else RejectFeature
    result = activity.result
    proves = result is not None and same_origin(result, incoming.actor.uri)
    if answer is AcceptFeature and not proves:
        raise Refused("the Accept names no consent of its actor's origin")
    return answer(
        actor=incoming.actor,
        uri=incoming.uri,
        owner=owner,
        collection_uri=collection.uri,
        request_uri=item.request_uri or "",
        item=item,
        result=result,
    )


async def read_feature_revocation(incoming: Incoming) -> RevokeFeature | None:
    """Make the act of a peer's Delete of its consent; None for a Delete of something else."""
    db = incoming.ctx.db
    item = await db.one(ITEM_BY_AUTHORIZATION, incoming.object_id, incoming.actor.id)
    if item is None:
        return None
    found = await _owned(incoming, item)
    if found is None:
        raise Ignored("its collection is not shown here")
    collection, owner = found
    return RevokeFeature(
        actor=incoming.actor, uri=incoming.uri, item=item, collection=collection, owner=owner
    )


async def _owned(
    incoming: Incoming, item: CollectionItemRow
) -> tuple[CollectionRow, AccountRow] | None:
    """Give the collection of an item, and who keeps it."""
    db = incoming.ctx.db
    collection = await db.one(COLLECTION, item.collection_id)
    if collection is None:
        return None
    owner = await db.one(ACCOUNT_BY_ID, collection.account_id)
    return None if owner is None else (collection, owner)

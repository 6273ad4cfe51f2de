"""Delete: a status, or an actor with all that is its own, and a tombstone (ActivityPub §6.4)."""

from dataclasses import dataclass, field
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity, Tombstone
from activitypub.origins import same_origin
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.signals import signal_deletion, signal_departure
from fedserver.effects.to_relays import all_relays
from fedserver.errors import NotFound
from storage.accounts import ACCOUNT_BY_URI, COUNT_STATUS, MARK_ACCOUNT_DELETED
from storage.database import Transaction
from storage.emoji_reactions import DELETE_FAVOURITES_OF_ACCOUNT
from storage.quotes import UNCOUNT_QUOTE_OF
from storage.recovery_keys import KEEP_FOLLOWERS
from storage.relations import DELETE_RELATIONS_OF_ACCOUNT, UNCOUNT_FOLLOWS_OF_ACCOUNT
from storage.statuses import (
    COUNT_REPLY,
    DELETE_STATUS,
    DELETE_STATUSES_OF_ACCOUNT,
    INBOXES_THAT_KNOW,
    INSERT_TOMBSTONE,
    STATUS_BY_URI,
    UNCOUNT_BOOSTS_OF,
    StatusRow,
)


async def read_delete(incoming: Incoming) -> Act:
    """Make the act of a peer's Delete, of its own actor or of a status it wrote."""
    if incoming.object_id == incoming.actor.uri:
        return DeleteActor(actor=incoming.actor, uri=incoming.uri)
    status = await incoming.ctx.db.one(STATUS_BY_URI, incoming.object_id)
    if status is None:
        await _remember(incoming)
        raise Ignored("it deletes what is not known here, or another actor")
    if status.account_id != incoming.actor.id:
        raise Ignored("only its author may delete a status")
    return DeleteStatus(actor=incoming.actor, uri=incoming.uri, status=status)


async def _remember(incoming: Incoming) -> None:
    """A Delete may come before its Create; the object then stays dead."""
    if not same_origin(incoming.object_id, incoming.actor.uri):
        return
    if await incoming.ctx.db.one(ACCOUNT_BY_URI, incoming.object_id) is not None:
        return
    await incoming.ctx.db.execute(
        INSERT_TOMBSTONE,
        incoming.object_id,
        incoming.actor.id,
        "Note",
        "direct",
        incoming.ctx.clock.now(),
    )


@dataclass(frozen=True, kw_only=True)
class DeleteStatus(Act):
    """Delete `status` for good; its URI answers with a Tombstone from then on."""

    type: ClassVar[str] = "Delete"

    status: StatusRow
    # Who knows the status can be asked only before it is deleted.
    _inboxes: list[str] = field(default_factory=list, compare=False)

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.status.account_id != self.actor.id:
            raise NotFound("Record not found")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.actor.local:
            self._inboxes.extend(await tx.values(INBOXES_THAT_KNOW, self.status.id))
        await tx.execute(UNCOUNT_BOOSTS_OF, self.status.id)
        await tx.execute(UNCOUNT_QUOTE_OF, self.status.id)
        await signal_deletion(tx, self.status.id)
        if not await tx.execute(DELETE_STATUS, self.status.id, self.actor.id):
            return False
        if not self.status.withheld:
            await tx.execute(COUNT_STATUS, self.actor.id, -1, None, None)
            if self.status.in_reply_to_id is not None:
                await tx.execute(COUNT_REPLY, self.status.in_reply_to_id, -1)
        await tx.execute(
            INSERT_TOMBSTONE,
            self.status.uri,
            self.actor.id,
            self.status.object_type,
            self.status.visibility,
            ctx.clock.now(),
        )
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        follows = None if self.status.visibility == "direct" else self.actor.id
        relays = await all_relays(tx, self.status.visibility)
        return Audience(inboxes=(*self._inboxes, *relays), followers_of=follows)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=Tombstone(id=self.status.uri),
            to=(PUBLIC,),
        )
        return Outgoing(activity)


@dataclass(frozen=True, kw_only=True)
class DeleteActor(Act):
    """An actor leaves: its posts and relations go, a tombstone stays."""

    type: ClassVar[str] = "Delete"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        await tx.execute(KEEP_FOLLOWERS, self.actor.id, None, None, ctx.clock.now())
        await tx.execute(UNCOUNT_FOLLOWS_OF_ACCOUNT, self.actor.id)
        if not await tx.execute(MARK_ACCOUNT_DELETED, self.actor.id, ctx.clock.now()):
            return False
        await signal_departure(tx, self.actor.id)
        await tx.execute(DELETE_STATUSES_OF_ACCOUNT, self.actor.id)
        await tx.execute(DELETE_FAVOURITES_OF_ACCOUNT, self.actor.id)
        await tx.execute(
            INSERT_TOMBSTONE,
            self.actor.uri,
            self.actor.id,
            self.actor.actor_type,
            "public",
            ctx.clock.now(),
        )
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.actor.uri,
            to=(PUBLIC,),
        )
        return Outgoing(activity)

    async def consequences(self, ctx: Context, tx: Transaction) -> tuple[Act, ...]:
        # Only now: the audience above is the followers.
        await tx.execute(DELETE_RELATIONS_OF_ACCOUNT, self.actor.id)
        return ()

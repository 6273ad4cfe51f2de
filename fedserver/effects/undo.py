"""Undo: an actor takes back what it did (ActivityPub §7.12)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from activitypub.model import Activity
from activitypub.origins import same_origin
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing, Undoable
from fedserver.effects.announce import Announce
from fedserver.effects.block import Block
from fedserver.effects.follow import Follow
from fedserver.effects.incoming import Incoming
from fedserver.effects.like import Like
from fedserver.effects.outcomes import Ignored
from fedserver.effects.react import React, emoji_of, react_of
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Connection, Database, Transaction
from storage.emoji_reactions import EMOJI_REACTION_BY_URI, EmojiReactionRow
from storage.reactions import FAVOURITE_BY_URI
from storage.relations import BLOCK_BY_URI, FOLLOW_BY_URI
from storage.statuses import (
    INSERT_TOMBSTONE,
    REBLOG_BY_ACCOUNT,
    STATUS_BY_ID,
    STATUS_BY_URI,
    StatusRow,
)

# What a tombstone calls an activity that was taken back before it came.
FORMER_ACTIVITY = "Activity"


@dataclass(frozen=True, kw_only=True)
class Undo(Act):
    """Take `undone` back."""

    type: ClassVar[str] = "Undo"

    undone: Undoable

    @classmethod
    async def read(cls, incoming: Incoming) -> "Undo":
        """Make the act of a peer's Undo; the undone activity may be named by its id alone."""
        undone = await _undone(incoming)
        if undone is None:
            undone_id = incoming.activity.object_id
            await _remember(incoming.ctx, incoming.ctx.db, incoming.actor, undone_id)
            raise Ignored("what it takes back is not known here")
        return cls(actor=incoming.actor, uri=incoming.uri, undone=undone)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if await self.undone.undo(ctx, tx):
            return True
        if not self.actor.local:
            await _remember(ctx, tx, self.actor, self.undone.uri)
        return False

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return await self.undone.audience(ctx, tx)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        undone = await self.undone.outgoing(ctx, tx)
        if undone is None:
            return None
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=undone.activity,
            to=undone.activity.to,
            cc=undone.activity.cc,
        )
        return Outgoing(activity)


async def _undone(incoming: Incoming) -> Undoable | None:
    undone = incoming.activity.object
    if isinstance(undone, Activity) and undone.type in _BY_TYPE:
        found = await _BY_TYPE[undone.type](incoming, undone)
        if found is not None:
            return found
    return await _by_id(incoming) if incoming.activity.object_id else None


async def _remember(
    ctx: Context, db: Connection | Database, actor: AccountRow, undone_id: str | None
) -> None:
    """An Undo may come before what it takes back; that one is then not done at all."""
    if undone_id and same_origin(undone_id, actor.uri):
        await db.execute(
            INSERT_TOMBSTONE, undone_id, actor.id, FORMER_ACTIVITY, "direct", ctx.clock.now()
        )


async def _by_id(incoming: Incoming) -> Undoable | None:
    db, actor, uri = incoming.ctx.db, incoming.actor, incoming.object_id
    follow = await db.one(FOLLOW_BY_URI, uri)
    if follow is not None:
        _require_own(incoming, follow.account_id)
        return Follow(actor=actor, uri=uri, target=await _account(incoming, follow.target_id))
    reaction = await db.one(EMOJI_REACTION_BY_URI, uri)
    if reaction is not None:
        return await _reaction(incoming, reaction)
    favourite = await db.one(FAVOURITE_BY_URI, uri)
    if favourite is not None:
        _require_own(incoming, favourite.account_id)
        liked = await db.one(STATUS_BY_ID, favourite.status_id)
        return await _like(incoming, liked, uri)
    boost = await db.one(STATUS_BY_URI, uri)
    if boost is not None:
        _require_own(incoming, boost.account_id)
        if boost.reblog_of_id is None:
            raise Ignored("a status is deleted, not taken back")
        boosted = await db.one(STATUS_BY_ID, boost.reblog_of_id)
        return await _announce(incoming, boosted)
    block = await db.one(BLOCK_BY_URI, uri, actor.id)
    if block is not None:
        return Block(actor=actor, uri=uri, target=await _account(incoming, block.target_id))
    return None


def _require_own(incoming: Incoming, account_id: int) -> None:
    if account_id != incoming.actor.id:
        raise Ignored("it takes back what another did")


async def _account(incoming: Incoming, account_id: int) -> AccountRow:
    row = await incoming.ctx.db.one(ACCOUNT_BY_ID, account_id)
    if row is None:
        raise Ignored("the account is gone")
    return row


async def _follow_again(incoming: Incoming, undone: Activity) -> Undoable | None:
    if undone.object_id is None:
        return None
    target = await incoming.local_account(undone.object_id)
    if undone.object_id != target.uri and await _is_followed_anew(incoming, undone):
        return None
    return Follow(actor=incoming.actor, uri=undone.id or "", target=target)


async def _is_followed_anew(incoming: Incoming, undone: Activity) -> bool:
    """Who lets go of our former id has mostly followed today's before, and keeps following that."""
    return await incoming.ctx.db.one(FOLLOW_BY_URI, undone.id or "") is None


async def _block_again(incoming: Incoming, undone: Activity) -> Undoable | None:
    if undone.object_id is None:
        return None
    target = await incoming.local_account(undone.object_id)
    return Block(actor=incoming.actor, uri=undone.id or "", target=target)


async def _like_again(incoming: Incoming, undone: Activity) -> Undoable | None:
    """A Like may be an emoji reaction: the id that it came under says so, or the emoji."""
    reaction = await _reaction_again(incoming, undone)
    if reaction is not None:
        return reaction
    status = await incoming.ctx.db.one(STATUS_BY_URI, undone.object_id)
    return await _like(incoming, status, undone.id or "")


async def _announce_again(incoming: Incoming, undone: Activity) -> Undoable | None:
    status = await incoming.ctx.db.one(STATUS_BY_URI, undone.object_id)
    return await _announce(incoming, status)


async def _reaction_again(incoming: Incoming, undone: Activity) -> Undoable | None:
    reaction = await incoming.ctx.db.one(EMOJI_REACTION_BY_URI, undone.id or "")
    if reaction is not None:
        return await _reaction(incoming, reaction)
    emoji = emoji_of(undone)
    status = await incoming.ctx.db.one(STATUS_BY_URI, undone.object_id)
    if status is None or emoji is None:
        return None
    author = await _account(incoming, status.account_id)
    uri = undone.id or ""
    return React(actor=incoming.actor, uri=uri, status=status, author=author, emoji=emoji)


async def _reaction(incoming: Incoming, reaction: EmojiReactionRow) -> Undoable | None:
    _require_own(incoming, reaction.account_id)
    status = await incoming.ctx.db.one(STATUS_BY_ID, reaction.status_id)
    if status is None:
        return None
    author = await _account(incoming, status.account_id)
    return react_of(reaction, incoming.actor, status, author)


async def _like(incoming: Incoming, status: StatusRow | None, uri: str) -> Like | None:
    if status is None:
        return None
    author = await _account(incoming, status.account_id)
    return Like(actor=incoming.actor, uri=uri, status=status, author=author)


async def _announce(incoming: Incoming, status: StatusRow | None) -> Announce | None:
    if status is None:
        return None
    boost = await incoming.ctx.db.one(REBLOG_BY_ACCOUNT, status.id, incoming.actor.id)
    if boost is None:
        return None
    author = await _account(incoming, status.account_id)
    return announce_of(boost, incoming.actor, status, author)


def announce_of(
    boost: StatusRow, actor: AccountRow, status: StatusRow, author: AccountRow
) -> Announce:
    """Give the Announce that made `boost`."""
    return Announce(
        actor=actor,
        uri=boost.uri,
        id=boost.id,
        status=status,
        author=author,
        visibility=boost.visibility,
        created_at=boost.created_at,
    )


_BY_TYPE: dict[str, Callable[[Incoming, Activity], Awaitable[Undoable | None]]] = {
    "Follow": _follow_again,
    "Block": _block_again,
    "EmojiReact": _reaction_again,
    "Like": _like_again,
    "Announce": _announce_again,
}

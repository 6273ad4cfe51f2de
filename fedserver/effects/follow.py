"""Follow, and the target's answer to it: Accept or Reject (ActivityPub §7.5 to §7.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing, Undoable, told
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.permission import require_here
from fedserver.errors import NotFound, Refused
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, COUNT_FOLLOW, AccountRow
from storage.database import Transaction
from storage.evacuations import FOLLOWER_CAME
from storage.fan_out import ADD_AUTHOR_TO_HOME, REMOVE_AUTHOR_FROM_HOME
from storage.notifying import NOTIFY_OF_FOLLOWERS, WITHDRAW_NOTIFICATION
from storage.recovery_keys import KEEP_FOLLOWERS
from storage.relations import (
    ACCEPT_FOLLOW,
    BLOCKED_EITHER_WAY,
    CHANGE_FOLLOW,
    DELETE_FOLLOW,
    FOLLOW_BETWEEN,
    FOLLOW_BY_URI,
    INSERT_FOLLOW,
    RENAME_FOLLOW,
    FollowRow,
)


@dataclass(frozen=True, kw_only=True)
class Follow(Undoable):
    """Ask to read what `target` posts. In force only after the target's own Accept."""

    type: ClassVar[str] = "Follow"

    target: AccountRow
    show_reblogs: bool = True
    notify: bool = False
    languages: tuple[str, ...] = ()

    @classmethod
    async def read(cls, incoming: Incoming) -> Act:
        """Make the act of a peer's Follow of one of our people."""
        target = await incoming.local_account(incoming.activity.object_id)
        if incoming.activity.object_id != target.uri:
            raise Ignored(f"it goes on as {target.uri}: follow it there")
        if target.moved_to_id is not None:
            return decline(incoming.ctx, target, incoming.actor, incoming.uri)
        return cls(actor=incoming.actor, uri=incoming.uri, target=target)

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.target.gone:
            raise NotFound("Record not found")
        require_here(self.actor)
        if self.target.id == self.actor.id:
            raise Refused("nobody can follow themselves")
        if await tx.value(BLOCKED_EITHER_WAY, self.actor.id, self.target.id):
            raise Refused("one of the two blocks the other")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        inserted = await tx.execute(
            INSERT_FOLLOW,
            ctx.ids.new(),
            self.actor.id,
            self.target.id,
            self.uri,
            None,
            self.show_reblogs,
            self.notify,
            list(self.languages) or None,
            ctx.clock.now(),
        )
        came = await self._came_along(ctx, tx)
        if inserted and came:
            await tx.execute(ACCEPT_FOLLOW, self.actor.id, self.target.id, ctx.clock.now())
            await tx.execute(COUNT_FOLLOW, self.actor.id, self.target.id, 1)
        return bool(inserted) or await self._repeat(tx)

    async def _came_along(self, ctx: Context, tx: Transaction) -> bool:
        """Whether somebody who followed before follows again after we went to another domain: they
        need nobody's leave."""
        if self.actor.local or not ctx.domains.has_moved:
            return False
        now = ctx.clock.now()
        return await tx.value(FOLLOWER_CAME, self.target.id, self.actor.id, now) is True

    async def _repeat(self, tx: Transaction) -> bool:
        """A peer that asks again has forgotten our answer: it gets it again."""
        if self.actor.local:
            languages = list(self.languages) or None
            await tx.execute(
                CHANGE_FOLLOW,
                self.actor.id,
                self.target.id,
                self.show_reblogs,
                self.notify,
                languages,
            )
            return False
        await tx.execute(RENAME_FOLLOW, self.actor.id, self.target.id, self.uri)
        return self.target.local

    def notices(self) -> Sequence[Notice]:
        kind = "follow_request" if self.target.locked else "follow"
        return (Notice(self.target.id, kind),)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.target,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return told(self, self.target.uri, self.target)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if not self.target.local:
            return ()
        follow = await tx.one(FOLLOW_BETWEEN, self.actor.id, self.target.id)
        if self.target.locked and (follow is None or follow.accepted_at is None):
            return ()
        return (accept(ctx, self.target, self.actor, self.uri, repeat=True),)

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        return await _end_follow(tx, self.actor, self.target)


@dataclass(frozen=True, kw_only=True)
class _Answer(Act):
    """What the target of a Follow says to it."""

    follower: AccountRow
    follow_uri: str

    @classmethod
    async def read_answer(cls, incoming: Incoming) -> "tuple[AccountRow, FollowRow]":
        """Find the follow of one of our people that the signer, its target, answers."""
        follow = await _answered_follow(incoming)
        if follow is None or follow.target_id != incoming.actor.id:
            raise Ignored("it answers no follow of ours")
        follower = await incoming.ctx.db.one(ACCOUNT_BY_ID, follow.account_id)
        if follower is None or not follower.local:
            raise Ignored("it answers no follow of ours")
        return follower, follow

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.follower,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.follower.local:
            return None
        # Ids as strings: some peers cannot read an embedded actor here.
        follow = _follow_activity(self.follow_uri, self.follower, self.actor)
        return Outgoing(
            Activity(
                id=self.uri,
                type=self.type,
                actor=self.actor.uri,
                object=follow,
                to=(self.follower.uri,),
            )
        )


@dataclass(frozen=True, kw_only=True)
class Accept(_Answer):
    """The target lets the follower follow. Only the target's own Accept counts."""

    type: ClassVar[str] = "Accept"

    repeat: bool = False  # answer a peer again although the follow is in force

    @classmethod
    async def read(cls, incoming: Incoming) -> "Accept":
        """Make the act of a peer's Accept of a follow of one of our people."""
        follower, follow = await cls.read_answer(incoming)
        return cls(actor=incoming.actor, uri=incoming.uri, follower=follower, follow_uri=follow.uri)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        accepted = await tx.execute(ACCEPT_FOLLOW, self.follower.id, self.actor.id, ctx.clock.now())
        if not accepted:
            return self.repeat and not self.follower.local
        await tx.execute(COUNT_FOLLOW, self.follower.id, self.actor.id, 1)
        await tx.execute(
            WITHDRAW_NOTIFICATION, self.actor.id, "follow_request", self.follower.id, None
        )
        if self.actor.local:
            await self._tell_of_follower(ctx, tx)
        if self.follower.local:
            await tx.execute(ADD_AUTHOR_TO_HOME, self.follower.id, self.actor.id)
        return True

    async def _tell_of_follower(self, ctx: Context, tx: Transaction) -> None:
        """The request gives way to the follow; of what was no request one was told before."""
        now = ctx.clock.now()
        ids = [ctx.ids.new()]
        await tx.execute(NOTIFY_OF_FOLLOWERS, ids, [self.follower.id], self.actor.id, now)


@dataclass(frozen=True, kw_only=True)
class Reject(_Answer):
    """The target refuses the follower, also one it accepted before."""

    type: ClassVar[str] = "Reject"

    @classmethod
    async def read(cls, incoming: Incoming) -> "Reject":
        """Make the act of a peer's Reject of a follow of one of our people."""
        follower, follow = await cls.read_answer(incoming)
        return cls(actor=incoming.actor, uri=incoming.uri, follower=follower, follow_uri=follow.uri)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if not self.actor.local:
            now = ctx.clock.now()
            await tx.execute(KEEP_FOLLOWERS, self.actor.id, [self.follower.id], None, now)
        return await _end_follow(tx, self.follower, self.actor)


@dataclass(frozen=True, kw_only=True)
class Decline(Reject):
    """Refuse a Follow that was never stored: its target has moved, and answers so at once."""

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        await _end_follow(tx, self.follower, self.actor)
        return True


def accept(
    ctx: Context, target: AccountRow, follower: AccountRow, follow_uri: str, *, repeat: bool = False
) -> Accept:
    """Make the Accept by one of our people."""
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return Accept(actor=target, uri=uri, follower=follower, follow_uri=follow_uri, repeat=repeat)


def reject(ctx: Context, target: AccountRow, follower: AccountRow, follow_uri: str) -> Reject:
    """Make the Reject by one of our people."""
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return Reject(actor=target, uri=uri, follower=follower, follow_uri=follow_uri)


def decline(ctx: Context, target: AccountRow, follower: AccountRow, follow_uri: str) -> Decline:
    """Make the Reject, by one of our people who moved, of what a peer asks just now."""
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return Decline(actor=target, uri=uri, follower=follower, follow_uri=follow_uri)


def _follow_activity(uri: str, follower: AccountRow, target: AccountRow) -> Activity:
    """Give the Follow activity itself."""
    return Activity(id=uri, type="Follow", actor=follower.uri, object=target.uri, to=(target.uri,))


async def _answered_follow(incoming: Incoming) -> FollowRow | None:
    """By the follow's id, or, where a peer rewrote it, by who follows whom."""
    db, answered = incoming.ctx.db, incoming.activity.object
    if incoming.activity.object_id:
        follow = await db.one(FOLLOW_BY_URI, incoming.activity.object_id)
        if follow is not None:
            return follow
    if not isinstance(answered, Activity) or answered.type != "Follow" or not answered.actor:
        return None
    follower = await incoming.local_account(answered.actor)
    return await db.one(FOLLOW_BETWEEN, follower.id, incoming.actor.id)


async def _end_follow(tx: Transaction, follower: AccountRow, target: AccountRow) -> bool:
    ended = await tx.one(DELETE_FOLLOW, follower.id, target.id)
    if ended is None:
        return False
    if ended.accepted_at is not None:
        await tx.execute(COUNT_FOLLOW, follower.id, target.id, -1)
    if follower.local:
        await tx.execute(REMOVE_AUTHOR_FROM_HOME, follower.id, target.id)
    for kind in ("follow", "follow_request"):
        await tx.execute(WITHDRAW_NOTIFICATION, target.id, kind, follower.id, None)
    return True

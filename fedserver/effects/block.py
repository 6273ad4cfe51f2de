"""Block: neither sees nor reaches the other (ActivityPub §6.9; sent to peers as Mastodon does)."""

from dataclasses import dataclass
from typing import ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Audience, Outgoing, Undoable, told
from fedserver.effects.incoming import Incoming
from fedserver.errors import Refused
from storage.accounts import COUNT_FOLLOW, AccountRow
from storage.database import Transaction
from storage.fan_out import REMOVE_AUTHOR_FROM_HOME
from storage.notifying import FORGET_DEALINGS_WITH
from storage.recovery_keys import KEEP_FOLLOWERS
from storage.relations import DELETE_BLOCK, DELETE_FOLLOW, INSERT_BLOCK


@dataclass(frozen=True, kw_only=True)
class Block(Undoable):
    """Part from `target`: follows end both ways, and neither sees the other's posts."""

    type: ClassVar[str] = "Block"

    target: AccountRow

    @classmethod
    async def read(cls, incoming: Incoming) -> "Block":
        """Make the act of a peer's Block of one of our people."""
        target = await incoming.local_account(incoming.object_id)
        return cls(actor=incoming.actor, uri=incoming.uri, target=target)

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.actor.id == self.target.id:
            raise Refused("nobody can block themselves")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        stored = await tx.execute(
            INSERT_BLOCK,
            ctx.ids.new(),
            self.actor.id,
            self.target.id,
            self.uri,
            ctx.clock.now(),
        )
        if not stored:
            return False
        if not self.actor.local:
            now = ctx.clock.now()
            await tx.execute(KEEP_FOLLOWERS, self.actor.id, [self.target.id], None, now)
        await _part(tx, self.actor, self.target)
        await _part(tx, self.target, self.actor)
        return True

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        return await tx.one(DELETE_BLOCK, self.actor.id, self.target.id) is not None

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.target,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return told(self, self.target.uri, self.target)


async def _part(tx: Transaction, one: AccountRow, other: AccountRow) -> None:
    follow = await tx.one(DELETE_FOLLOW, one.id, other.id)
    if follow is not None and follow.accepted_at is not None:
        await tx.execute(COUNT_FOLLOW, one.id, other.id, -1)
    if one.local:
        await tx.execute(REMOVE_AUTHOR_FROM_HOME, one.id, other.id)
        await tx.execute(FORGET_DEALINGS_WITH, one.id, other.id)

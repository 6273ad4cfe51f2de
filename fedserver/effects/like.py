"""Like: a favourite (ActivityPub §7.10)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Audience, Notice, Outgoing, Undoable, told
from fedserver.effects.asking import ask_first, request, waiting
from fedserver.effects.incoming import Incoming
from fedserver.effects.permission import require_visible
from fedserver.errors import NotFound
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.emoji_reactions import LIKE_REACTED_FAVOURITE, UNLIKE_REACTED_FAVOURITE
from storage.notifying import WITHDRAW_NOTIFICATION
from storage.quotes import DELETE_REQUEST_OF
from storage.reactions import DELETE_FAVOURITE, INSERT_FAVOURITE
from storage.statuses import COUNT_FAVOURITE, StatusRow


@dataclass(frozen=True, kw_only=True)
class Like(Undoable):
    """Favourite `status`, which `author` wrote."""

    type: ClassVar[str] = "Like"

    status: StatusRow
    author: AccountRow

    @classmethod
    async def read(cls, incoming: Incoming) -> "Like":
        """Make the act of a peer's Like of a status that we know."""
        status = await incoming.known_status(incoming.object_id)
        author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
        if author is None:
            raise NotFound("Record not found")
        return cls(actor=incoming.actor, uri=incoming.uri, status=status, author=author)

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await require_visible(tx, self.status, self.actor)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        stored = await tx.execute(
            INSERT_FAVOURITE,
            ctx.ids.new(),
            self.actor.id,
            self.status.id,
            self.uri,
            ctx.clock.now(),
        )
        if stored:
            await tx.execute(COUNT_FAVOURITE, self.status.id, 1)
            await ask_first(ctx, tx, "like", self.status, self, self.uri)
            return True
        return bool(
            await tx.execute(LIKE_REACTED_FAVOURITE, self.actor.id, self.status.id, self.uri)
        )

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        if await tx.execute(UNLIKE_REACTED_FAVOURITE, self.actor.id, self.status.id):
            return True
        if await tx.one(DELETE_FAVOURITE, self.actor.id, self.status.id) is None:
            return False
        await tx.execute(COUNT_FAVOURITE, self.status.id, -1)
        if self.actor.local:
            await tx.execute(DELETE_REQUEST_OF, self.uri)
        await tx.execute(
            WITHDRAW_NOTIFICATION, self.author.id, "favourite", self.actor.id, self.status.id
        )
        return True

    def notices(self) -> Sequence[Notice]:
        return (Notice(self.author.id, "favourite", self.status.id),)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.author,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        like = told(self, self.status.uri, self.author)
        waits_for = await waiting(tx, self.uri) if like is not None else None
        if like is None or waits_for is None:
            return like
        return await request(tx, waits_for, like.activity)

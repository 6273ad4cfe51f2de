"""Like: a favourite (ActivityPub §7.10)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing, Undoable, told
from fedserver.effects.answers import told_at_once
from fedserver.effects.asking import request, waiting
from fedserver.effects.claims import claim_of
from fedserver.effects.denying import answer_if_denied
from fedserver.effects.gate import OPEN, Claim, Interaction, Passed, pass_gate
from fedserver.effects.incoming import Incoming
from fedserver.effects.permission import require_visible
from fedserver.errors import NotFound
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import DROP_APPROVAL
from storage.database import Transaction
from storage.emoji_reactions import LIKE_REACTED_FAVOURITE, UNLIKE_REACTED_FAVOURITE
from storage.notifying import WITHDRAW_NOTIFICATION
from storage.quotes import DELETE_REQUEST_OF
from storage.reactions import DELETE_FAVOURITE, INSERT_FAVOURITE
from storage.statuses import COUNT_FAVOURITE, StatusRow


@dataclass(frozen=True, kw_only=True)
class Like(Undoable):
    """Favourite `status`, which `author` wrote.

    `claim`: the leave of a peer's author that it names. `asked`: a request for leave brought it,
    which is answered for itself.
    """

    type: ClassVar[str] = "Like"

    status: StatusRow
    author: AccountRow
    claim: Claim | None = None
    asked: bool = False
    _passed: list[Passed] = field(default_factory=list, compare=False)

    @classmethod
    async def read(cls, incoming: Incoming) -> "Like":
        """Make the act of a peer's Like of a status that we know."""
        status = await incoming.known_status(incoming.object_id)
        author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
        if author is None:
            raise NotFound("Record not found")
        await answer_if_denied(incoming, "like", status, incoming.uri)
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            status=status,
            author=author,
            claim=await claim_of(incoming, "like", status, author),
        )

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
            done = Interaction("like", self.status, self.actor, self.uri, claim=self.claim)
            self._passed.append(await pass_gate(ctx, tx, done))
            if not self._passed[-1].withheld:
                await tx.execute(COUNT_FAVOURITE, self.status.id, 1)
            return True
        return bool(
            await tx.execute(LIKE_REACTED_FAVOURITE, self.actor.id, self.status.id, self.uri)
        )

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        if await tx.execute(UNLIKE_REACTED_FAVOURITE, self.actor.id, self.status.id):
            return True
        taken_back = await tx.one(DELETE_FAVOURITE, self.actor.id, self.status.id)
        if taken_back is None:
            return False
        if not taken_back.withheld:
            await tx.execute(COUNT_FAVOURITE, self.status.id, -1)
        if self.actor.local:
            await tx.execute(DELETE_REQUEST_OF, taken_back.uri)
        await tx.execute(DROP_APPROVAL, self.actor.id, self.status.id, "like")
        for notice in ("favourite", "pending.favourite"):
            await tx.execute(
                WITHDRAW_NOTIFICATION, self.author.id, notice, self.actor.id, self.status.id
            )
        return True

    def notices(self) -> Sequence[Notice]:
        withheld = (self._passed or [OPEN])[-1].withheld
        told_of = "pending.favourite" if withheld else "favourite"
        return (Notice(self.author.id, told_of, self.status.id),)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.asked:
            return ()
        granted = (self._passed or [OPEN])[-1].granted
        return told_at_once(ctx, granted, author=self.author, asker=self.actor, status=self.status)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.author,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        like = told(self, self.status.uri, self.author)
        waits_for = await waiting(tx, self.uri) if like is not None else None
        if like is None or waits_for is None:
            return like
        return await request(tx, waits_for, like.activity)

"""What was withheld is shown, once its author has leave; and hidden when leave is taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing
from fedserver.effects.announce import Announce
from fedserver.effects.conversing import converse
from fedserver.effects.create import note_activity
from fedserver.effects.showing import hide_reply, show_boost, show_reply
from fedserver.effects.telling import TellOfStatus
from fedserver.effects.to_relays import announcement
from fedserver.effects.undo import announce_of
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import (
    IS_WITHHELD,
    RELEASE_FAVOURITE,
    RELEASE_STATUS,
    WITHHELD_ANSWERS,
    WITHHOLD_STATUS,
)
from storage.database import Transaction
from storage.documents import MENTIONED
from storage.statuses import COUNT_FAVOURITE, STATUS_BY_ID, StatusRow


@dataclass(frozen=True, kw_only=True)
class ReleaseReply(TellOfStatus):
    """Show a reply, and what waited because it answers it; tell peers, if its author is ours."""

    type: ClassVar[str] = "Create"

    _named: list[int] = field(default_factory=list, compare=False)

    @classmethod
    def of(cls, ctx: Context, author: AccountRow, status: StatusRow) -> "ReleaseReply":
        """Make the act of `author`, whose reply `status` is."""
        uri = Uris(ctx.config.base_url).status_activity(author.username, status.id)
        return cls(actor=author, uri=uri, status=status)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        answered = self.status.in_reply_to_id
        if answered is not None and await tx.value(IS_WITHHELD, answered):
            return False  # it waits for that one, too
        if not await tx.execute(RELEASE_STATUS, self.status.id):
            return False
        await show_reply(ctx, tx, self.status)
        named = await tx.fetch(MENTIONED, [self.status.id])
        self._named.extend(one.account_id for one in named if not one.silent)
        return True

    def notices(self) -> Sequence[Notice]:
        return tuple(Notice(one, "mention", self.status.id) for one in self._named)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        listed = self.status.visibility in ("public", "unlisted")
        return await note_activity(ctx, tx, self, self.status.id, listed=listed)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        acts: list[Act] = []
        if self.status.visibility == "direct":
            await converse(ctx, tx, [self.status.id])
        if self.actor.local:
            acts += await announcement(
                ctx,
                tx,
                status_uri=self.status.uri,
                visibility=self.status.visibility,
                published=self.status.created_at,
            )
        for waiting_id in await tx.values(WITHHELD_ANSWERS, self.status.id):
            acts += await release_of(ctx, tx, waiting_id)
        return acts


async def release_of(ctx: Context, tx: Transaction, status_id: int) -> "Sequence[Act]":
    """Give the act that shows a withheld reply; none where it is gone."""
    row = await tx.one(STATUS_BY_ID, status_id)
    if row is None:
        return ()
    author = await tx.one(ACCOUNT_BY_ID, row.account_id)
    if author is None or author.gone:
        return ()
    return (ReleaseReply.of(ctx, author, row),)


@dataclass(frozen=True, kw_only=True)
class ReleaseBoost(Act):
    """Show the boost `boost` of `boosted`."""

    type: ClassVar[str] = "Announce"

    boost: StatusRow
    boosted: StatusRow
    author: AccountRow

    def _announce(self) -> Announce:
        return announce_of(self.boost, self.actor, self.boosted, self.author)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if not await tx.execute(RELEASE_STATUS, self.boost.id):
            return False
        await show_boost(ctx, tx, self.boost, self.boosted)
        return True

    def notices(self) -> Sequence[Notice]:
        return self._announce().notices()

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return await self._announce().audience(ctx, tx)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return await self._announce().outgoing(ctx, tx)


@dataclass(frozen=True, kw_only=True)
class ReleaseLike(Act):
    """Count a favourite of `status`, which `author` wrote. Only its author was told of it."""

    type: ClassVar[str] = "Like"

    status: StatusRow
    author: AccountRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if not await tx.execute(RELEASE_FAVOURITE, self.actor.id, self.status.id):
            return False
        await tx.execute(COUNT_FAVOURITE, self.status.id, 1)
        return True

    def notices(self) -> Sequence[Notice]:
        return (Notice(self.author.id, "favourite", self.status.id),)


@dataclass(frozen=True, kw_only=True)
class HideReply(Act):
    """Hide a reply whose leave was taken back: its author alone still sees it."""

    type: ClassVar[str] = "Create"

    status: StatusRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if not await tx.execute(WITHHOLD_STATUS, self.status.id):
            return False
        await hide_reply(tx, self.status)
        return True

"""An author decides about what waits for their leave, and takes leave back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.answers import Answer
from fedserver.effects.claims import TYPES
from fedserver.effects.like import Like
from fedserver.effects.releasing import HideReply, ReleaseBoost, ReleaseLike, release_of
from fedserver.effects.undo import Undo, announce_of
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.approvals import (
    ACCEPTED,
    DECIDE_APPROVAL,
    LOCK_APPROVAL,
    PENDING,
    REJECTED,
    REVOKED,
    ApprovalRow,
)
from storage.database import Transaction
from storage.notifying import WITHDRAW_NOTIFICATION
from storage.quotes import BURY_AUTHORIZATION
from storage.statuses import REBLOG_BY_ACCOUNT, STATUS_BY_ID, StatusRow

PENDING_NOTICES = {
    "like": "pending.favourite",
    "reply": "pending.reply",
    "announce": "pending.reblog",
    "quote": "pending.quote",
}


async def _forget_notice(tx: Transaction, approval: ApprovalRow) -> None:
    """Whoever decided need not be told any more that somebody waits."""
    await tx.execute(
        WITHDRAW_NOTIFICATION,
        approval.target_id,
        PENDING_NOTICES[approval.kind],
        approval.account_id,
        approval.reply_id or approval.status_id,
    )


@dataclass(frozen=True, kw_only=True)
class Approve(Answer):
    """The author, ours or a peer's, gives leave: what waited is shown.

    `authorization_uri` is a peer's; ours is made here.
    """

    type: ClassVar[str] = "Accept"

    authorization_uri: str | None = None

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await tx.one(LOCK_APPROVAL, self.approval.id)
        if row is None or row.state != PENDING:
            return False
        uri = self.authorization_uri
        if self.actor.local:
            uris = Uris(ctx.config.base_url)
            uri = uris.authorization(self.actor.username, ctx.ids.new())
        await tx.execute(DECIDE_APPROVAL, row.id, ACCEPTED, uri, ctx.clock.now())
        await _forget_notice(tx, row)
        return True

    async def _decided(self, tx: Transaction) -> ApprovalRow:
        return await tx.one(LOCK_APPROVAL, self.approval.id) or self.approval

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.approval.kind == "reply" and self.approval.reply_id is not None:
            return await release_of(ctx, tx, self.approval.reply_id)
        if self.approval.kind == "like":
            return (ReleaseLike(actor=self.asker, status=self.status, author=self.actor),)
        boost = await tx.one(REBLOG_BY_ACCOUNT, self.status.id, self.asker.id)
        if boost is None:
            return ()
        return (
            ReleaseBoost(
                actor=self.asker,
                uri=boost.uri,
                boost=boost,
                boosted=self.status,
                author=self.actor,
            ),
        )


async def undo_interaction(
    ctx: Context,
    tx: Transaction,
    kind: str,
    asker: AccountRow,
    status: StatusRow,
    author: AccountRow,
    reply_id: int | None,
) -> Sequence[Act]:
    """End a favourite or boost; give what hides a reply."""
    if kind == "like":
        await Like(actor=asker, status=status, author=author).undo(ctx, tx)
        return ()
    if kind == "announce":
        return await _undo_boost(ctx, tx, asker, status, author)
    reply = await tx.one(STATUS_BY_ID, reply_id or 0)
    return (HideReply(actor=asker, status=reply),) if reply is not None else ()


async def _undo_boost(
    ctx: Context, tx: Transaction, asker: AccountRow, status: StatusRow, author: AccountRow
) -> Sequence[Act]:
    """End a boost; if it is one of ours that peers heard of, they hear of its end."""
    boost = await tx.one(REBLOG_BY_ACCOUNT, status.id, asker.id)
    if boost is None:
        return ()
    announce = announce_of(boost, asker, status, author)
    if asker.local and not boost.withheld:
        uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
        return (Undo(actor=asker, uri=uri, undone=announce),)
    await announce.undo(ctx, tx)
    return ()


@dataclass(frozen=True, kw_only=True)
class Refuse(Answer):
    """The author does not give leave: a favourite or boost ends, a reply stays hidden."""

    type: ClassVar[str] = "Reject"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await tx.one(LOCK_APPROVAL, self.approval.id)
        if row is None or row.state != PENDING:
            return False
        await tx.execute(DECIDE_APPROVAL, row.id, REJECTED, None, ctx.clock.now())
        await _forget_notice(tx, row)
        return True

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        one = self.approval
        return await undo_interaction(
            ctx, tx, one.kind, self.asker, self.status, self.actor, one.reply_id
        )


@dataclass(frozen=True, kw_only=True)
class RevokeLeave(Act):
    """The author takes leave back: the authorization is deleted, and what it allowed ends."""

    type: ClassVar[str] = "Delete"

    approval: ApprovalRow
    asker: AccountRow
    status: StatusRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await tx.one(LOCK_APPROVAL, self.approval.id)
        if row is None or row.state != ACCEPTED:
            return False
        now = ctx.clock.now()
        await tx.execute(DECIDE_APPROVAL, row.id, REVOKED, row.authorization_uri, now)
        if row.authorization_uri is not None:
            kind = TYPES[row.kind]
            await tx.execute(BURY_AUTHORIZATION, row.authorization_uri, self.actor.id, now, kind)
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.asker,), followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.approval.authorization_uri is None:
            return None
        return Outgoing(
            Activity(
                id=self.uri,
                type=self.type,
                actor=self.actor.uri,
                object=self.approval.authorization_uri,
                to=(PUBLIC,),
            )
        )

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        one = self.approval
        return await undo_interaction(
            ctx, tx, one.kind, self.asker, self.status, self.actor, one.reply_id
        )

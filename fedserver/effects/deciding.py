"""One of our people decides about what waits for their leave, whatever it is."""

from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.approving import Approve, Refuse, RevokeLeave
from fedserver.effects.performing import perform_in
from fedserver.effects.quote import AcceptQuote, RejectQuote, RevokeQuote
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
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
from storage.quotes import QUOTE_OF_STATUS
from storage.statuses import STATUS_BY_ID

_ACTS: dict[str, type[Approve | Refuse | RevokeLeave]] = {
    ACCEPTED: Approve,
    REJECTED: Refuse,
    REVOKED: RevokeLeave,
}


async def give_leave(ctx: Context, author: AccountRow, approval_id: int) -> None:
    """Let what waits be shown. Raises NotFound for what does not wait for `author`."""
    async with ctx.db.transaction() as tx:
        approval = await _locked(tx, author, approval_id)
        if approval.state != PENDING:
            raise NotFound("Record not found")
        await perform_in(ctx, tx, await _decision(ctx, tx, author, approval, ACCEPTED))


async def refuse_leave(ctx: Context, author: AccountRow, approval_id: int) -> None:
    """Refuse what waits, or take leave back. Raises NotFound for what is neither."""
    async with ctx.db.transaction() as tx:
        approval = await _locked(tx, author, approval_id)
        if approval.state not in (PENDING, ACCEPTED):
            raise NotFound("Record not found")
        decision = REJECTED if approval.state == PENDING else REVOKED
        await perform_in(ctx, tx, await _decision(ctx, tx, author, approval, decision))


async def _locked(tx: Transaction, author: AccountRow, approval_id: int) -> ApprovalRow:
    row = await tx.one(LOCK_APPROVAL, approval_id)
    if row is None or row.target_id != author.id:
        raise NotFound("Record not found")
    return row


async def _decision(
    ctx: Context, tx: Transaction, author: AccountRow, approval: ApprovalRow, state: str
) -> Act:
    if approval.kind == "quote":
        return await _of_quote(ctx, tx, author, approval, state)
    asker = await tx.one(ACCOUNT_BY_ID, approval.account_id)
    status = await tx.one(STATUS_BY_ID, approval.status_id)
    if asker is None or status is None:
        raise NotFound("Record not found")
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return _ACTS[state](actor=author, uri=uri, approval=approval, asker=asker, status=status)


async def _of_quote(
    ctx: Context, tx: Transaction, author: AccountRow, approval: ApprovalRow, state: str
) -> Act:
    """Quotes have consents of their own (FEP-044f)."""
    quoter = await tx.one(ACCOUNT_BY_ID, approval.account_id)
    status = await tx.one(STATUS_BY_ID, approval.status_id)
    quoting = await tx.one(STATUS_BY_ID, approval.reply_id or 0)
    quote = await tx.one(QUOTE_OF_STATUS, approval.reply_id or 0)
    if quoter is None or status is None or quoting is None or quote is None:
        raise NotFound("Record not found")
    await tx.execute(DECIDE_APPROVAL, approval.id, state, None, ctx.clock.now())
    await tx.execute(
        WITHDRAW_NOTIFICATION, author.id, "pending.quote", quoter.id, approval.reply_id
    )
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    if state == REVOKED:
        return RevokeQuote(actor=author, uri=uri, quote=quote, quoter=quoter, quoting=quoting)
    answer = AcceptQuote if state == ACCEPTED else RejectQuote
    return answer(
        actor=author,
        uri=uri,
        quoter=quoter,
        quoting=quoting,
        quoting_uri=quoting.uri,
        status=status,
        request_uri=approval.request_uri or "",
    )

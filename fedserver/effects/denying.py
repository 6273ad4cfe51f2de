"""What the author of a status here allows nobody, or not this actor, is refused and answered."""

from fedserver.context import Context
from fedserver.effects.answers import TellRejected
from fedserver.effects.gate import NOT_ALLOWED, is_open
from fedserver.effects.incoming import Incoming
from fedserver.effects.leave import Kind, Leave, leave
from fedserver.effects.performing import perform
from fedserver.errors import Refused
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import REJECTED, ApprovalRow
from storage.statuses import STATUS_VISIBLE, StatusRow


async def answer_if_denied(
    incoming: Incoming,
    kind: Kind,
    status: StatusRow | None,
    interaction_uri: str,
    request_uri: str | None = None,
) -> None:
    """Answer with a Reject, and raise Refused, where the policy of `status`, which is ours, does
    not let the actor do this. What they may not see is not even denied."""
    if status is None or not status.local or is_open(kind, status):
        return
    ctx, actor = incoming.ctx, incoming.actor
    if await leave(ctx.db, kind, status, actor) is not Leave.DENIED:
        return
    author = await ctx.db.one(ACCOUNT_BY_ID, status.account_id)
    if author is None or not await ctx.db.value(STATUS_VISIBLE, status.id, actor.id):
        return
    approval = _never_given(ctx, kind, status, actor, interaction_uri, request_uri)
    await perform(
        ctx,
        TellRejected(
            actor=author,
            uri=Uris(ctx.config.base_url).activity(ctx.ids.new()),
            approval=approval,
            asker=actor,
            status=status,
        ),
    )
    raise Refused(NOT_ALLOWED)


def _never_given(
    ctx: Context,
    kind: Kind,
    status: StatusRow,
    actor: AccountRow,
    interaction_uri: str,
    request_uri: str | None,
) -> ApprovalRow:
    """Nothing is kept of it: the policy says the same next time."""
    now = ctx.clock.now()
    return ApprovalRow(
        id=0,
        account_id=actor.id,
        target_id=status.account_id,
        status_id=status.id,
        kind=kind,
        interaction_uri=interaction_uri,
        reply_id=None,
        request_uri=request_uri,
        state=REJECTED,
        authorization_uri=None,
        created_at=now,
        decided_at=now,
    )

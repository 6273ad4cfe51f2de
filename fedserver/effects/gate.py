"""Where an answer, favourite or boost comes through, waits for its author's leave, or ends."""

from dataclasses import dataclass

from fedserver.context import Context
from fedserver.effects.leave import Kind, Leave, leave
from fedserver.errors import Refused
from fedserver.services.authorizing import Proof
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import (
    ACCEPTED,
    APPROVAL_OF,
    INSERT_APPROVAL,
    PENDING,
    REJECTED,
    REVOKED,
    WITHHOLD_FAVOURITE,
    WITHHOLD_STATUS,
    ApprovalRow,
)
from storage.database import Transaction
from storage.quotes import INSERT_INTERACTION_REQUEST
from storage.statuses import StatusRow

NOT_ALLOWED = "its author does not allow it"


@dataclass(frozen=True, slots=True)
class Claim:
    """An authorization that an act names, and what asking for it has shown."""

    uri: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class Passed:
    """How an act came through. `withheld`: nobody sees it yet. `approval`: what was written of it,
    where its author is one of our people or their leave is proved."""

    withheld: bool = False
    approval: ApprovalRow | None = None

    @property
    def granted(self) -> ApprovalRow | None:
        """The leave that was given at once."""
        return self.approval if self.approval and self.approval.state == ACCEPTED else None


OPEN = Passed()


@dataclass(frozen=True, slots=True)
class Interaction:
    """That `actor` does something of a `kind` to `status`, under the id `uri`. `made_id`: the
    status that this makes, a reply or a boost."""

    kind: Kind
    status: StatusRow
    actor: AccountRow
    uri: str
    made_id: int | None = None
    claim: Claim | None = None


def is_open(kind: Kind, status: StatusRow) -> bool:
    """Whether anybody who sees `status` may do this to it."""
    return not status.withheld and kind not in (status.interaction_policy or {})


async def pass_gate(ctx: Context, tx: Transaction, done: Interaction) -> Passed:
    """Let through what was just written, or withhold it. Raises Refused where it may not be.

    What answers something withheld is withheld with it, whoever wrote it.
    """
    if is_open(done.kind, done.status):
        return OPEN
    passed = await _judge(ctx, tx, done)
    if not (passed.withheld or done.status.withheld):
        return passed
    if done.made_id is not None:
        await tx.execute(WITHHOLD_STATUS, done.made_id)
    else:
        await tx.execute(WITHHOLD_FAVOURITE, done.actor.id, done.status.id)
    return Passed(withheld=True, approval=passed.approval)


async def _judge(ctx: Context, tx: Transaction, done: Interaction) -> Passed:
    said = await leave(tx, done.kind, done.status, done.actor)
    if said is Leave.FREE:
        return OPEN
    known = await tx.one(APPROVAL_OF, done.actor.id, done.uri, done.kind, done.status.id)
    if known is not None and known.state in (REJECTED, REVOKED):
        raise Refused("its author has refused it")
    if done.claim is not None and done.claim.proof is Proof.VALID:
        return Passed(approval=await _write(ctx, tx, done, ACCEPTED, done.claim.uri))
    if said is Leave.DENIED:
        raise Refused(NOT_ALLOWED)
    if done.status.local:
        return await _of_ours(ctx, tx, done, said)
    if done.actor.local:
        return await _ask(ctx, tx, done)
    claimed = done.claim.uri if done.claim and done.claim.proof is Proof.UNKNOWN else None
    return Passed(withheld=True, approval=await _write(ctx, tx, done, PENDING, claimed))


async def _of_ours(ctx: Context, tx: Transaction, done: Interaction, said: Leave) -> Passed:
    if said is not Leave.LISTED:
        return Passed(withheld=True, approval=await _write(ctx, tx, done, PENDING, None))
    author = await tx.one(ACCOUNT_BY_ID, done.status.account_id)
    uri = Uris(ctx.config.base_url).authorization(author.username if author else "", ctx.ids.new())
    return Passed(approval=await _write(ctx, tx, done, ACCEPTED, uri))


async def _ask(ctx: Context, tx: Transaction, done: Interaction) -> Passed:
    """Ask the peer's author: a favourite is told to nobody else, and shown already."""
    await tx.execute(
        INSERT_INTERACTION_REQUEST,
        Uris(ctx.config.base_url).activity(ctx.ids.new()),
        done.actor.id,
        done.status.id,
        done.uri,
        done.kind,
        ctx.clock.now(),
    )
    return Passed(withheld=done.kind != "like")


async def _write(
    ctx: Context, tx: Transaction, done: Interaction, state: str, authorization_uri: str | None
) -> ApprovalRow:
    now = ctx.clock.now()
    row = ApprovalRow(
        id=ctx.ids.new(),
        account_id=done.actor.id,
        target_id=done.status.account_id,
        status_id=done.status.id,
        kind=done.kind,
        interaction_uri=done.uri,
        reply_id=done.made_id if done.kind == "reply" else None,
        request_uri=None,
        state=state,
        authorization_uri=authorization_uri,
        created_at=now,
        decided_at=None if state == PENDING else now,
    )
    await tx.execute(INSERT_APPROVAL, *(getattr(row, name) for name in row.__dataclass_fields__))
    return row

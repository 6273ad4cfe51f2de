"""The word of a peer's author on what peers' people do to a status of theirs: Accept, Reject, and
the Delete of an authorization, as far as it concerns what is known here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from activitypub.model import Activity
from activitypub.origins import same_origin
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.approving import Approve, Refuse, RevokeLeave, undo_interaction
from fedserver.effects.create import Create
from fedserver.effects.gate import Claim
from fedserver.effects.incoming import Incoming
from fedserver.effects.performing import perform_in
from fedserver.errors import Refused
from fedserver.services.authorizing import Proof
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import (
    ACCEPTED,
    APPROVAL_ANSWERED,
    APPROVAL_BY_AUTHORIZATION,
    APPROVAL_BY_ID,
    APPROVAL_WAITING,
    CLAIM_APPROVAL,
    PENDING,
    ApprovalRow,
)
from storage.database import Database, Transaction
from storage.quotes import (
    BURY_AUTHORIZATION,
    DELETE_REQUEST_OF,
    INTERACTION_BY_AUTHORIZATION,
    InteractionRequestRow,
)
from storage.statuses import STATUS_BY_ID, STATUS_BY_URI, StatusRow


@dataclass(frozen=True, slots=True)
class _Case:
    """An approval with the rows that it names."""

    approval: ApprovalRow
    asker: AccountRow
    status: StatusRow
    author: AccountRow


async def _case(db: Database | Transaction, approval: ApprovalRow | None) -> _Case | None:
    """Give what `approval` is about; None for what a person here decides, or what is gone."""
    if approval is None or approval.kind == "quote":
        return None
    asker = await db.one(ACCOUNT_BY_ID, approval.account_id)
    status = await db.one(STATUS_BY_ID, approval.status_id)
    author = await db.one(ACCOUNT_BY_ID, approval.target_id)
    if asker is None or status is None or author is None or author.local:
        return None
    return _Case(approval, asker, status, author)


async def read_others_leave(incoming: Incoming) -> Act | None:
    """Make the act of an author's Accept or Reject of what somebody elsewhere did; None where it
    answers nothing that waits here."""
    activity = incoming.activity
    asked = activity.object
    named = asked.instrument if isinstance(asked, Activity) else incoming.object_id
    found = await incoming.ctx.db.one(APPROVAL_ANSWERED, named or "", incoming.actor.id)
    case = await _case(incoming.ctx.db, found)
    if case is None:
        return None
    if activity.type == "Reject":
        ended = RevokeLeave if case.approval.state == ACCEPTED else Refuse
        return ended(
            actor=incoming.actor,
            uri=incoming.uri,
            approval=case.approval,
            asker=case.asker,
            status=case.status,
        )
    # The first servers that asked for leave named the Accept itself as its proof.
    proof = activity.result or incoming.uri
    if not same_origin(proof, incoming.actor.uri):
        raise Refused("the Accept names no authorization of its actor's origin")
    return Approve(
        actor=incoming.actor,
        uri=incoming.uri,
        approval=case.approval,
        asker=case.asker,
        status=case.status,
        authorization_uri=proof,
    )


async def read_leave_revoked(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Delete of its authorization; None for a Delete of something else."""
    db, uri, actor = incoming.ctx.db, incoming.object_id, incoming.actor
    approval = await db.one(APPROVAL_BY_AUTHORIZATION, uri, actor.id)
    case = await _case(db, approval)
    if case is not None:
        return RevokeLeave(
            actor=actor,
            uri=incoming.uri,
            approval=case.approval,
            asker=case.asker,
            status=case.status,
        )
    ours = await db.one(INTERACTION_BY_AUTHORIZATION, uri, actor.id)
    if ours is None:
        return None
    asker = await db.one(ACCOUNT_BY_ID, ours.account_id)
    status = await db.one(STATUS_BY_ID, ours.status_id)
    if asker is None or status is None:
        return None
    return LoseLeave(actor=actor, uri=incoming.uri, asked=ours, asker=asker, status=status)


@dataclass(frozen=True, kw_only=True)
class LoseLeave(Act):
    """A peer's author takes back what they allowed one of our people."""

    type: ClassVar[str] = "Delete"

    asked: InteractionRequestRow
    asker: AccountRow
    status: StatusRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        uri = self.asked.authorization_uri
        if uri is None or not await tx.execute(DELETE_REQUEST_OF, self.asked.interaction_uri):
            return False
        kind = f"{self.asked.kind.capitalize()}Authorization"
        await tx.execute(BURY_AUTHORIZATION, uri, self.actor.id, ctx.clock.now(), kind)
        return True

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        reply = await tx.one(STATUS_BY_URI, self.asked.interaction_uri)
        reply_id = reply.id if reply is not None else None
        return await undo_interaction(
            ctx, tx, self.asked.kind, self.asker, self.status, self.actor, reply_id
        )


async def settle_claim(ctx: Context, approval_id: int, claimed: str, proof: Proof) -> None:
    """Do what asking for the claimed authorization of a waiting act has shown."""
    approval = await ctx.db.one(APPROVAL_BY_ID, approval_id)
    case = await _case(ctx.db, approval)
    if case is None or case.approval.state != PENDING:
        return
    if case.approval.authorization_uri != claimed:
        return
    if proof is not Proof.VALID:
        await ctx.db.execute(CLAIM_APPROVAL, approval_id, None)
        return
    async with ctx.db.transaction() as tx:
        await perform_in(ctx, tx, _approved(ctx, case, claimed))


async def take_claim(ctx: Context, tx: Transaction, reply_uri: str, claim: Claim | None) -> bool:
    """Show what waits, if its author now names a leave that is proved. False: nothing changed."""
    if claim is None:
        return False
    approval = await tx.one(APPROVAL_WAITING, reply_uri)
    case = await _case(tx, approval)
    if case is None:
        return False
    if claim.proof is Proof.UNKNOWN:
        await tx.execute(CLAIM_APPROVAL, case.approval.id, claim.uri)
    if claim.proof is not Proof.VALID:
        return False
    return await perform_in(ctx, tx, _approved(ctx, case, claim.uri))


@dataclass(frozen=True, kw_only=True)
class PostAgain(Act):
    """A reply that names the leave it has: posted, or shown if it waits here already."""

    type: ClassVar[str] = "Create"

    create: Create

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if await perform_in(ctx, tx, self.create):
            return True
        return await take_claim(ctx, tx, self.create.status.uri, self.create.status.claim)


async def read_any_create(incoming: Incoming) -> Act:
    """Make the act of a peer's Create."""
    act = await Create.read(incoming)
    if isinstance(act, Create) and act.status.claim is not None:
        return PostAgain(actor=act.actor, uri=act.uri, create=act)
    return act


def _approved(ctx: Context, case: _Case, authorization_uri: str) -> Approve:
    return Approve(
        actor=case.author,
        uri=Uris(ctx.config.base_url).activity(ctx.ids.new()),
        approval=case.approval,
        asker=case.asker,
        status=case.status,
        authorization_uri=authorization_uri,
    )

"""LikeRequest, ReplyRequest and AnnounceRequest of peers: asking before acting (GoToSocial).

What they would like to do is their instrument. It is done as if it had come by itself, where the
policy of the status lets it through; whoever asked is answered in any case.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from activitypub.addressing import visibility_of
from activitypub.model import Activity, Object
from activitypub.origins import same_origin
from activitypub.parse import parse_activity
from activitypub.trust import authenticate
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.announce import Announce
from fedserver.effects.answers import TellAccepted, TellRejected
from fedserver.effects.bringing import posted_object
from fedserver.effects.create import Create
from fedserver.effects.denying import answer_if_denied
from fedserver.effects.gate import NOT_ALLOWED
from fedserver.effects.incoming import Incoming
from fedserver.effects.leave import Kind, Leave, leave
from fedserver.effects.like import Like
from fedserver.effects.outcomes import Ignored
from fedserver.effects.performing import perform_in
from fedserver.errors import Refused
from fedserver.services import fetch
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import (
    ACCEPTED,
    APPROVAL_OF,
    INSERT_APPROVAL,
    PENDING,
    SET_APPROVAL_REQUEST,
    ApprovalRow,
)
from storage.database import Transaction
from storage.statuses import STATUS_BY_URI, StatusRow


@dataclass(frozen=True, kw_only=True)
class InteractionRequest(Act):
    """Ask the author of `status`, who is one of our people, for leave to do `wanted`."""

    type: ClassVar[str] = "LikeRequest"

    kind: Kind
    status: StatusRow
    author: AccountRow
    wanted: Act
    instrument: str
    _approval: list[ApprovalRow] = field(default_factory=list, compare=False)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        approval = await self._known(tx)
        if approval is None or approval.state == PENDING:
            await perform_in(ctx, tx, self.wanted)
            approval = await self._known(tx) or await self._free(ctx, tx)
        await tx.execute(SET_APPROVAL_REQUEST, approval.id, self.uri)
        self._approval.append(replace(approval, request_uri=self.uri))
        return True

    async def _known(self, tx: Transaction) -> ApprovalRow | None:
        whose = (self.actor.id, self.instrument, self.kind, self.status.id)
        known = await tx.one(APPROVAL_OF, *whose)
        if known is not None and (known.kind, known.status_id) != (self.kind, self.status.id):
            raise Refused("leave for this was asked for something else")
        return known

    async def _free(self, ctx: Context, tx: Transaction) -> ApprovalRow:
        """Nobody had to be asked; whoever asks gets the word in writing all the same."""
        if await leave(tx, self.kind, self.status, self.actor) < Leave.LISTED:
            raise Refused(NOT_ALLOWED)
        made = await tx.one(STATUS_BY_URI, self.instrument)
        now, uris = ctx.clock.now(), Uris(ctx.config.base_url)
        row = ApprovalRow(
            id=ctx.ids.new(),
            account_id=self.actor.id,
            target_id=self.author.id,
            status_id=self.status.id,
            kind=self.kind,
            interaction_uri=self.instrument,
            reply_id=made.id if made is not None and self.kind == "reply" else None,
            request_uri=self.uri,
            state=ACCEPTED,
            authorization_uri=uris.authorization(self.author.username, ctx.ids.new()),
            created_at=now,
            decided_at=now,
        )
        await tx.execute(
            INSERT_APPROVAL, *(getattr(row, name) for name in row.__dataclass_fields__)
        )
        return row

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        approval = self._approval[-1]
        if approval.state == PENDING:
            return ()
        tell = TellAccepted if approval.state == ACCEPTED else TellRejected
        return (
            tell(
                actor=self.author,
                uri=Uris(ctx.config.base_url).activity(ctx.ids.new()),
                approval=approval,
                asker=self.actor,
                status=self.status,
            ),
        )


async def read_like_request(incoming: Incoming) -> Act:
    """Make the act of a peer's LikeRequest."""
    return await _read(incoming, "like", _wanted_like)


async def read_reply_request(incoming: Incoming) -> Act:
    """Make the act of a peer's ReplyRequest."""
    return await _read(incoming, "reply", _wanted_reply)


async def read_announce_request(incoming: Incoming) -> Act:
    """Make the act of a peer's AnnounceRequest."""
    return await _read(incoming, "announce", _wanted_announce)


_Wanted = Callable[[Incoming, StatusRow, AccountRow, str], Awaitable[Act]]


async def _read(incoming: Incoming, kind: Kind, wanted: _Wanted) -> Act:
    status = await incoming.known_status(incoming.object_id)
    author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
    instrument = incoming.activity.instrument
    if author is None or not author.local or instrument is None:
        raise Ignored("it asks nobody here for leave")
    if not same_origin(instrument, incoming.actor.uri):
        raise Refused("what it asks leave for is of another origin than its actor")
    await answer_if_denied(incoming, kind, status, instrument, incoming.uri)
    return InteractionRequest(
        actor=incoming.actor,
        uri=incoming.uri,
        kind=kind,
        status=status,
        author=author,
        wanted=await wanted(incoming, status, author, instrument),
        instrument=instrument,
    )


async def _wanted_like(
    incoming: Incoming, status: StatusRow, author: AccountRow, instrument: str
) -> Act:
    return Like(actor=incoming.actor, uri=instrument, status=status, author=author, asked=True)


async def _wanted_reply(
    incoming: Incoming, status: StatusRow, _author: AccountRow, instrument: str
) -> Act:
    given = incoming.activity.enclosed
    if not isinstance(given, Object) or given.id != instrument:
        given = None
    reply = await posted_object(incoming.ctx, instrument, given, incoming.actor, incoming.budget)
    if reply.parent is None or reply.parent.id != status.id:
        raise Refused("it does not answer what it asks leave for")
    return Create(actor=incoming.actor, uri=instrument, status=reply, asked=True)


async def _wanted_announce(
    incoming: Incoming, status: StatusRow, author: AccountRow, instrument: str
) -> Act:
    announce = await _announce(incoming, instrument)
    if announce.type != "Announce" or announce.object_id != status.uri:
        raise Refused("it does not boost what it asks leave for")
    ctx, actor = incoming.ctx, incoming.actor
    created_at = min(announce.published or ctx.clock.now(), ctx.clock.now())
    return Announce(
        actor=actor,
        uri=instrument,
        id=ctx.ids.at(created_at),
        status=status,
        author=author,
        visibility=str(visibility_of(announce.to, announce.cc, actor.followers_url)),
        created_at=created_at,
        asked=True,
    )


async def _announce(incoming: Incoming, instrument: str) -> Activity:
    given = incoming.activity.enclosed
    if isinstance(given, Activity) and given.id == instrument:
        return given
    fetched = parse_activity(await fetch.document(incoming.ctx, instrument, incoming.budget))
    return authenticate(fetched, incoming.actor.uri).activity

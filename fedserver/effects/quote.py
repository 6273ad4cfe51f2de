"""Consent to quotes: QuoteRequest, the answers to it, and taking consent back (FEP-044f)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity, Object
from activitypub.origins import same_origin
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing
from fedserver.effects.bringing import posted_object
from fedserver.effects.consents import ACCEPTED, PENDING
from fedserver.effects.create import Create
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.performing import perform
from fedserver.effects.permission import require_visible
from fedserver.effects.signals import signal_edit
from fedserver.effects.telling import TellOfStatus
from fedserver.errors import Refused
from fedserver.services.authorizing import Proof
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.approvals import APPROVAL_OF, ASK_FOR_QUOTE, END_QUOTE_APPROVAL
from storage.database import Transaction
from storage.notifying import WITHDRAW_NOTIFICATION
from storage.quotes import (
    BURY_AUTHORIZATION,
    COUNT_QUOTE,
    LOCK_QUOTE,
    QUOTE_BETWEEN,
    QUOTE_BY_AUTHORIZATION,
    QUOTE_BY_REQUEST,
    QUOTE_OF_STATUS,
    QUOTE_RIGHT,
    SET_QUOTE_REQUEST,
    SET_QUOTE_STATE,
    QuoteRow,
)
from storage.relations import BLOCKED_EITHER_WAY
from storage.statuses import STATUS_BY_ID, STATUS_BY_URI, StatusRow
from storage.visibility import QUOTE_AUTOMATIC, QUOTE_DENIED, QUOTE_MANUAL


@dataclass(frozen=True, kw_only=True)
class QuoteRequest(Act):
    """Ask `author` for consent to the quote of `status` in `quoting`.

    `quoting` is None where a peer asks and is refused: what it wrote is then not even read.
    """

    type: ClassVar[str] = "QuoteRequest"

    status: StatusRow
    author: AccountRow
    quoting: StatusRow | None
    instrument: str
    # Decided as it is stored, for what follows from it: a right of storage.visibility.
    _rights: list[int] = field(default_factory=list, compare=False)

    @classmethod
    async def read(cls, incoming: Incoming) -> "QuoteRequest":
        """Make the act of a peer's request to quote a status of one of our people."""
        status = await incoming.known_status(incoming.object_id)
        author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
        instrument = incoming.activity.instrument
        if author is None or not author.local or instrument is None:
            raise Ignored("it asks nobody here about a quote")
        if not same_origin(instrument, incoming.actor.uri):
            raise Refused("the quote is of another origin than its author")
        granted = await incoming.ctx.db.value(QUOTE_RIGHT, status.id, incoming.actor.id)
        may_be = granted in (QUOTE_AUTOMATIC, QUOTE_MANUAL)
        quoting = await _quoting(incoming, instrument) if may_be else None
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            status=status,
            author=author,
            quoting=quoting,
            instrument=instrument,
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await require_visible(tx, self.status, self.actor)
        if self.quoting is None:
            return
        if self.quoting.account_id != self.actor.id:
            raise Refused("it asks for the quote of another")
        quote = await tx.one(LOCK_QUOTE, self.quoting.id)
        if quote is None or quote.quoted_id != self.status.id:
            raise Refused("it does not quote what it asks for")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.quoting is not None:
            await tx.execute(SET_QUOTE_REQUEST, self.quoting.id, self.uri)
            self._rights.append(await self._right(ctx, tx, self.quoting))
        return True

    async def _right(self, ctx: Context, tx: Transaction, quoting: StatusRow) -> int:
        if not self.author.local:
            return QUOTE_DENIED  # the answer is the peer's to give
        if await tx.value(BLOCKED_EITHER_WAY, self.actor.id, self.author.id):
            return QUOTE_DENIED
        right = await tx.value(QUOTE_RIGHT, self.status.id, self.actor.id) or QUOTE_DENIED
        if right != QUOTE_MANUAL:
            return right
        return await self._wait(ctx, tx, quoting)

    async def _wait(self, ctx: Context, tx: Transaction, quoting: StatusRow) -> int:
        """Put it before the author, who may have decided already."""
        await tx.execute(
            ASK_FOR_QUOTE,
            ctx.ids.new(),
            self.actor.id,
            self.author.id,
            self.status.id,
            quoting.uri,
            quoting.id,
            self.uri,
            ctx.clock.now(),
        )
        known = await tx.one(APPROVAL_OF, self.actor.id, quoting.uri, "quote", self.status.id)
        decided = {"accepted": QUOTE_AUTOMATIC, "pending": QUOTE_MANUAL}
        return decided.get(known.state, QUOTE_DENIED) if known is not None else QUOTE_DENIED

    def notices(self) -> Sequence[Notice]:
        if self.quoting is None:
            return ()
        told_of = {QUOTE_AUTOMATIC: "quote", QUOTE_MANUAL: "pending.quote"}
        types = [told_of[right] for right in self._rights if right in told_of]
        return tuple(Notice(self.author.id, one, self.quoting.id) for one in types)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.author,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.quoting is None or self.author.local:
            return None
        notes = await documents.notes(ctx, [self.quoting], tx)
        return Outgoing(
            Activity(
                id=self.uri,
                type=self.type,
                actor=self.actor.uri,
                object=self.status.uri,
                instrument=self.quoting.uri,
                enclosed=notes[self.quoting.id],
                to=(self.author.uri,),
            )
        )

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if not self.author.local or QUOTE_MANUAL in self._rights:
            return ()
        answer = AcceptQuote if QUOTE_AUTOMATIC in self._rights else RejectQuote
        return (
            answer(
                actor=self.author,
                uri=Uris(ctx.config.base_url).activity(ctx.ids.new()),
                quoter=self.actor,
                quoting=self.quoting,
                quoting_uri=self.instrument,
                status=self.status,
                request_uri=self.uri,
            ),
        )


async def _quoting(incoming: Incoming, uri: str) -> StatusRow:
    """Give the status that quotes, as its author posted it; if it has not come yet, by this."""
    ctx = incoming.ctx
    known = await ctx.db.one(STATUS_BY_URI, uri)
    if known is None:
        given = incoming.activity.enclosed
        if not isinstance(given, Object) or given.id != uri:
            given = None
        status = await posted_object(ctx, uri, given, incoming.actor, incoming.budget)
        await perform(ctx, Create(actor=incoming.actor, uri=uri, status=status))
        known = await ctx.db.one(STATUS_BY_URI, uri)
    if known is None:
        raise Ignored("the quote cannot be had")
    return known


@dataclass(frozen=True, kw_only=True)
class _QuoteAnswer(Act):
    """What the author of `status` says of its quote by `quoter`."""

    quoter: AccountRow
    quoting: StatusRow | None
    quoting_uri: str
    status: StatusRow
    request_uri: str
    result: str | None = None  # the authorization that a peer's Accept names

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.quoter,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.quoter.local:
            return None
        request = Activity(
            id=self.request_uri,
            type=QuoteRequest.type,
            actor=self.quoter.uri,
            object=self.status.uri,
            instrument=self.quoting_uri,
        )
        return Outgoing(
            Activity(
                id=self.uri,
                type=self.type,
                actor=self.actor.uri,
                object=request,
                result=await self._authorization(tx),
                to=(self.quoter.uri,),
            )
        )

    async def _authorization(self, tx: Transaction) -> str | None:
        return None

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.quoting is None or not self.quoter.local:
            return ()
        return (TellOfStatus.of(ctx, self.quoter, self.quoting),)


@dataclass(frozen=True, kw_only=True)
class AcceptQuote(_QuoteAnswer):
    """The quoted author consents. Only its own Accept counts."""

    type: ClassVar[str] = "Accept"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await _locked(tx, self.quoting, self.status)
        if row is None:
            return False
        if row.state == ACCEPTED:
            return self.actor.local and not self.quoter.local  # asked again, answered again
        uris = Uris(ctx.config.base_url)
        ours = uris.quote_authorization(self.actor.username, ctx.ids.new())
        authorization = ours if self.actor.local else self.result
        await _set_state(tx, row.status_id, ACCEPTED, authorization)
        await tx.execute(COUNT_QUOTE, self.status.id, 1)
        return True

    async def _authorization(self, tx: Transaction) -> str | None:
        if self.quoting is None:
            return None
        row = await tx.one(QUOTE_OF_STATUS, self.quoting.id)
        return row.authorization_uri if row else None


@dataclass(frozen=True, kw_only=True)
class RejectQuote(_QuoteAnswer):
    """The quoted author does not consent, or no longer."""

    type: ClassVar[str] = "Reject"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await _locked(tx, self.quoting, self.status)
        if row is not None and row.state in (PENDING, ACCEPTED):
            return await _end_quote(ctx, tx, row, self.actor)
        return self.actor.local and not self.quoter.local  # a peer that asks is answered


@dataclass(frozen=True, kw_only=True)
class RevokeQuote(Act):
    """The quoted author takes consent back: its authorization is deleted (FEP-044f)."""

    type: ClassVar[str] = "Delete"

    quote: QuoteRow
    quoter: AccountRow
    quoting: StatusRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        row = await tx.one(LOCK_QUOTE, self.quote.status_id)
        if row is None or row.quoted_account_id != self.actor.id:
            return False
        return await _end_quote(ctx, tx, row, self.actor)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.quoter,), followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.quote.authorization_uri is None:
            return None
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.quote.authorization_uri,
            to=(PUBLIC,),
        )
        return Outgoing(activity)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if not self.quoter.local:
            return ()
        return (TellOfStatus.of(ctx, self.quoter, self.quoting),)


async def _set_state(
    tx: Transaction, status_id: int, state: str, authorization_uri: str | None
) -> None:
    """What is shown of the quoting status changes with it."""
    await tx.execute(SET_QUOTE_STATE, status_id, state, authorization_uri)
    await signal_edit(tx, status_id)


async def _locked(tx: Transaction, quoting: StatusRow | None, status: StatusRow) -> QuoteRow | None:
    if quoting is None:
        return None
    row = await tx.one(LOCK_QUOTE, quoting.id)
    return row if row is not None and row.quoted_id == status.id else None


async def _end_quote(
    ctx: Context, tx: Transaction, row: QuoteRow, quoted_author: AccountRow
) -> bool:
    """What was accepted is revoked, what waited is rejected. False: it had ended before."""
    if row.state not in (PENDING, ACCEPTED):
        return False
    ended = "revoked" if row.state == ACCEPTED else "rejected"
    await _set_state(tx, row.status_id, ended, row.authorization_uri)
    await tx.execute(END_QUOTE_APPROVAL, row.status_id, ended, ctx.clock.now())
    if row.state == ACCEPTED and row.quoted_id is not None:
        await tx.execute(COUNT_QUOTE, row.quoted_id, -1)
    if row.authorization_uri is not None:
        now = ctx.clock.now()
        kind = "QuoteAuthorization"
        await tx.execute(BURY_AUTHORIZATION, row.authorization_uri, quoted_author.id, now, kind)
    await tx.execute(
        WITHDRAW_NOTIFICATION, quoted_author.id, "quote", row.account_id, row.status_id
    )
    return True


async def settle_proof(ctx: Context, status_id: int, authorization_uri: str, proof: Proof) -> None:
    """Write what asking for the claimed authorization of a pending quote has shown."""
    async with ctx.db.transaction() as tx:
        row = await tx.one(LOCK_QUOTE, status_id)
        if row is None or row.state != PENDING or row.authorization_uri != authorization_uri:
            return
        if proof is Proof.VALID:
            await _set_state(tx, status_id, ACCEPTED, authorization_uri)
            await tx.execute(COUNT_QUOTE, row.quoted_id, 1)
        else:
            await _set_state(tx, status_id, "rejected", None)


async def read_quote_answer(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Accept or Reject of a quote by one of our people; None for an
    answer to something else."""
    quote = await _answered(incoming)
    if quote is None or quote.quoted_id is None or quote.quoted_account_id != incoming.actor.id:
        return None
    db = incoming.ctx.db
    quoter = await db.one(ACCOUNT_BY_ID, quote.account_id)
    quoting = await db.one(STATUS_BY_ID, quote.status_id)
    status = await db.one(STATUS_BY_ID, quote.quoted_id)
    if quoter is None or quoting is None or status is None or not quoter.local:
        return None
    answer = AcceptQuote if incoming.activity.type == "Accept" else RejectQuote
    result = incoming.activity.result
    proves = result is not None and same_origin(result, incoming.actor.uri)
    if answer is AcceptQuote and not proves:
        raise Refused("the Accept of a quote names no authorization of its actor's origin")
    return answer(
        actor=incoming.actor,
        uri=incoming.uri,
        quoter=quoter,
        quoting=quoting,
        quoting_uri=quoting.uri,
        status=status,
        request_uri=quote.request_uri or "",
        result=result,
    )


async def _answered(incoming: Incoming) -> QuoteRow | None:
    """By the request's id, or, where a peer rewrote it, by what quotes what."""
    db, request = incoming.ctx.db, incoming.activity.object
    quote = await db.one(QUOTE_BY_REQUEST, incoming.object_id, incoming.actor.id)
    if quote is not None or not isinstance(request, Activity) or request.type != QuoteRequest.type:
        return quote
    return await db.one(QUOTE_BETWEEN, request.instrument or "", request.object_id or "")


async def read_revocation(incoming: Incoming) -> RevokeQuote | None:
    """Make the act of a peer's Delete of its authorization; None for a Delete of something else."""
    db = incoming.ctx.db
    quote = await db.one(QUOTE_BY_AUTHORIZATION, incoming.object_id, incoming.actor.id)
    if quote is None:
        return None
    quoter = await db.one(ACCOUNT_BY_ID, quote.account_id)
    quoting = await db.one(STATUS_BY_ID, quote.status_id)
    if quoter is None or quoting is None:
        return None
    return RevokeQuote(
        actor=incoming.actor, uri=incoming.uri, quote=quote, quoter=quoter, quoting=quoting
    )

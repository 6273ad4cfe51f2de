"""What a status says of quotes and consents, and how it is kept."""

from dataclasses import dataclass
from typing import Any

from fedserver.context import Context
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.quotes import (
    COUNT_QUOTE,
    DELETE_QUOTE,
    LOCK_QUOTE,
    PUT_QUOTE,
    SET_POLICIES,
    QuoteRow,
)
from storage.statuses import StatusRow

ACCEPTED, PENDING = "accepted", "pending"


@dataclass(frozen=True, slots=True)
class NewQuote:
    """That a status quotes `quoted`, or what may be found at `uri` later; states as in QuoteRow."""

    uri: str | None
    quoted: StatusRow | None
    state: str
    legacy: bool = False
    authorization_uri: str | None = None


@dataclass(frozen=True, slots=True)
class Consents:
    """What a status quotes, who may quote it (bits, storage.visibility), and what a peer lets
    others do with it."""

    quote: NewQuote | None = None
    quote_policy: int = 0
    interaction_policy: dict[str, Any] | None = None


NOTHING = Consents()


async def write_consents(
    ctx: Context,
    tx: Transaction,
    author: AccountRow,
    status_id: int,
    consents: Consents,
    *,
    new: bool = False,
) -> bool:
    """Write what a status says now; a `new` one said nothing before. False: it said so before."""
    policies = await tx.execute(
        SET_POLICIES, status_id, consents.quote_policy, consents.interaction_policy
    )
    before: QuoteRow | None = None
    if not new:
        before = await tx.one(LOCK_QUOTE, status_id)
    quote = _with_our_answer(before, consents.quote)
    if quote is None:
        changed = bool(before and await tx.execute(DELETE_QUOTE, status_id))
    else:
        changed = await _put(ctx, tx, author, status_id, before, quote)
    await _count(tx, before, quote)
    return changed or bool(policies)


def _with_our_answer(before: QuoteRow | None, quote: NewQuote | None) -> NewQuote | None:
    """Whether one of our people consents is what we know, not what the quoting peer says."""
    if before is None or quote is None or quote.quoted is None or not quote.quoted.local:
        return quote
    if before.quoted_id != quote.quoted.id or quote.state == ACCEPTED:
        return quote
    return NewQuote(quote.uri, quote.quoted, before.state, quote.legacy, before.authorization_uri)


async def _put(
    ctx: Context,
    tx: Transaction,
    author: AccountRow,
    status_id: int,
    before: QuoteRow | None,
    quote: NewQuote,
) -> bool:
    quoted = quote.quoted
    same = before is not None and before.quoted_uri == quote.uri
    row = QuoteRow(
        status_id=status_id,
        account_id=author.id,
        quoted_uri=quote.uri,
        quoted_id=quoted.id if quoted else None,
        quoted_account_id=quoted.account_id if quoted else None,
        state=quote.state,
        legacy=quote.legacy,
        request_uri=before.request_uri if before is not None and same else None,
        authorization_uri=quote.authorization_uri,
        created_at=before.created_at if before else ctx.clock.now(),
    )
    if row == before:
        return False
    await tx.execute(PUT_QUOTE, *(getattr(row, name) for name in row.__dataclass_fields__))
    return True


async def _count(tx: Transaction, before: QuoteRow | None, quote: NewQuote | None) -> None:
    counted = before.quoted_id if before and before.state == ACCEPTED else None
    counts = quote.quoted.id if quote and quote.quoted and quote.state == ACCEPTED else None
    if counted == counts:
        return
    for status_id, change in ((counted, -1), (counts, 1)):
        if status_id is not None:
            await tx.execute(COUNT_QUOTE, status_id, change)


def accepted_quote(consents: Consents | None) -> StatusRow | None:
    """Give what is quoted with consent."""
    quote = consents.quote if consents else None
    return quote.quoted if quote is not None and quote.state == ACCEPTED else None

"""The totals of polls: ours are told to peers, theirs are read again when they end."""

from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

from activitypub.errors import ProtocolError
from activitypub.parse import parse_object
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.bringing import status_of_object
from fedserver.effects.create import note_activity
from fedserver.effects.performing import perform, perform_in
from fedserver.effects.update import UpdateStatus
from fedserver.errors import FedserverError
from fedserver.services import fetch
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.poll_ends import CLAIM_TOTALS, END_POLLS, POLL_KNOWN_TO
from storage.statuses import STATUS_BY_ID, StatusRow

_AT_A_TIME = 20


@dataclass(frozen=True, kw_only=True)
class TellTotals(Act):
    """Tell who knows the poll of `status` how it stands, as Mastodon does: an Update of the
    Question whose `updated` is as before."""

    type: ClassVar[str] = "Update"

    status: StatusRow

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        follows = None if self.status.visibility == "direct" else self.actor.id
        known_to = await tx.fetch(POLL_KNOWN_TO, self.status.id)
        return Audience(accounts=tuple(known_to), followers_of=follows)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        return await note_activity(ctx, tx, self, self.status.id, listed=False)


async def tell_totals(ctx: Context) -> int:
    """Tell peers the totals of polls of ours that changed a while ago; give how many there were."""
    async with ctx.db.transaction() as tx:
        due = await tx.fetch(CLAIM_TOTALS, ctx.clock.now(), _AT_A_TIME)
        for one in due:
            await _tell(ctx, tx, one.status_id, one.account_id)
    return len(due)


async def end_polls(ctx: Context) -> int:
    """End the polls whose time is over: people here are told, and peers the last totals; what
    people here voted in is read again. Gives how many ended."""
    async with ctx.db.transaction() as tx:
        ended = await tx.fetch(END_POLLS, ctx.clock.now(), _AT_A_TIME, ctx.ids.new())
        for one in ended:
            if one.local:
                await _tell(ctx, tx, one.status_id, one.account_id)
    for one in ended:
        if one.voted and not one.local:
            await _refresh(ctx, one.status_id, one.account_id)
    return len(ended)


async def _tell(ctx: Context, tx: Transaction, status_id: int, author_id: int) -> None:
    status, author = await tx.one(STATUS_BY_ID, status_id), await tx.one(ACCOUNT_BY_ID, author_id)
    if status is not None and author is not None:
        uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
        await perform_in(ctx, tx, TellTotals(actor=author, uri=uri, status=status))


async def _refresh(ctx: Context, status_id: int, author_id: int) -> None:
    status = await ctx.db.one(STATUS_BY_ID, status_id)
    author = await ctx.db.one(ACCOUNT_BY_ID, author_id)
    if status is None or author is None:
        return
    # Where that fails, its server may still send the last totals by itself.
    with suppress(FedserverError, ProtocolError):
        await _read_again(ctx, status, author)


async def _read_again(ctx: Context, status: StatusRow, author: AccountRow) -> None:
    budget = Budget(ctx.config.federation.fetch_budget)
    found = parse_object(await fetch.document(ctx, status.uri, budget))
    if author.uri in found.attributed_to:
        changed = await status_of_object(ctx, found, author, budget)
        await perform(ctx, UpdateStatus(actor=author, status=status, changed=changed, edited=False))

"""Telling peers of a status of ours that says something new without having been edited."""

from dataclasses import dataclass
from typing import Any, ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.create import note_activity
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.approvals import IS_WITHHELD
from storage.database import Transaction
from storage.quotes import SET_INTERACTION_POLICY, SET_QUOTE_POLICY
from storage.statuses import INBOXES_THAT_KNOW, StatusRow


@dataclass(frozen=True, kw_only=True)
class TellOfStatus(Act):
    """Send `status` as it is now to whoever has it."""

    type: ClassVar[str] = "Update"

    status: StatusRow

    @classmethod
    def of(cls, ctx: Context, author: AccountRow, status: StatusRow) -> "TellOfStatus":
        """Make the act of one of our people."""
        uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
        return cls(actor=author, uri=uri, status=status)

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.status.account_id != self.actor.id or self.status.reblog_of_id is not None:
            raise NotFound("Record not found")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        inboxes = await tx.values(INBOXES_THAT_KNOW, self.status.id)
        follows = None if self.status.visibility == "direct" else self.actor.id
        return Audience(inboxes=tuple(inboxes), followers_of=follows)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if await tx.value(IS_WITHHELD, self.status.id):
            return None  # nobody but whom was asked has it yet
        return await note_activity(ctx, tx, self, self.status.id, listed=False)


@dataclass(frozen=True, kw_only=True)
class SetQuotePolicy(TellOfStatus):
    """Say who may quote `status`: bits as in storage.visibility."""

    policy: int

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(SET_QUOTE_POLICY, self.status.id, self.policy))


@dataclass(frozen=True, kw_only=True)
class SetInteractionPolicy(TellOfStatus):
    """Say who may answer, favourite and boost `status`; None: everybody (storage.leave_rules)."""

    policy: dict[str, Any] | None

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(SET_INTERACTION_POLICY, self.status.id, self.policy))

"""What we answer to those who answer, favourite or boost a status whose author wants to be asked
(GoToSocial's interaction controls): Accept with an authorization, or Reject."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.approvals import ApprovalRow
from storage.database import Transaction
from storage.statuses import StatusRow

_REQUESTS = {"like": "LikeRequest", "reply": "ReplyRequest", "announce": "AnnounceRequest"}


@dataclass(frozen=True, kw_only=True)
class Answer(Act):
    """Tell `asker` what the author of `status` said. Everybody hears of leave to answer or boost
    what is public: third parties then need not ask."""

    approval: ApprovalRow
    asker: AccountRow
    status: StatusRow

    @property
    def _for_all(self) -> bool:
        public = self.status.visibility in ("public", "unlisted")
        return public and self.type == "Accept" and self.approval.kind != "like"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        follows = self.actor.id if self._for_all else None
        return Audience(accounts=(self.asker,), followers_of=follows)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        """One of our people is told nothing: what they did is published, or is not."""
        if self.asker.local:
            return None
        approval = await self._decided(tx)
        followers = (self.actor.followers_url,) if self.actor.followers_url else ()
        asked = _request(approval, self.asker, self.status)
        return Outgoing(
            Activity(
                id=self.uri,
                type=self.type,
                actor=self.actor.uri,
                object=asked or approval.interaction_uri,
                target=None if asked else self.status.uri,
                result=approval.authorization_uri if self.type == "Accept" else None,
                to=(self.asker.uri,),
                cc=(PUBLIC, *followers) if self._for_all else (),
            )
        )

    async def _decided(self, tx: Transaction) -> ApprovalRow:
        return self.approval


def _request(approval: ApprovalRow, asker: AccountRow, status: StatusRow) -> Activity | None:
    """The request as it came, by ids; None where the act itself came without asking."""
    if approval.request_uri is None:
        return None
    return Activity(
        id=approval.request_uri,
        type=_REQUESTS[approval.kind],
        actor=asker.uri,
        object=status.uri,
        instrument=approval.interaction_uri,
    )


@dataclass(frozen=True, kw_only=True)
class TellAccepted(Answer):
    """Leave was given."""

    type: ClassVar[str] = "Accept"


@dataclass(frozen=True, kw_only=True)
class TellRejected(Answer):
    """Leave was not given."""

    type: ClassVar[str] = "Reject"


def told_at_once(
    ctx: Context,
    granted: ApprovalRow | None,
    *,
    author: AccountRow,
    asker: AccountRow,
    status: StatusRow,
) -> Sequence[Act]:
    """Give the Accept of one of our people whose policy gave leave at once; else nothing."""
    if granted is None or not author.local:
        return ()
    uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
    return (TellAccepted(actor=author, uri=uri, approval=granted, asker=asker, status=status),)

"""What our people may do with a peer's status, and asking its author first where that is wanted.

GoToSocial's interaction controls: a LikeRequest, ReplyRequest or AnnounceRequest goes out in place
of the activity, which is its instrument; the author answers with an authorization or a Reject.
"""

from enum import Enum
from typing import Literal

from activitypub.addressing import PUBLIC
from activitypub.model import Activity, Object
from fedserver.context import Context
from fedserver.effects.acts import Act, Outgoing
from fedserver.errors import Refused
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.quotes import (
    INSERT_INTERACTION_REQUEST,
    INTERACTION_POLICY,
    IS_FOLLOWER,
    IS_NAMED,
    REQUEST_OF_INTERACTION,
    InteractionRequestRow,
)
from storage.statuses import STATUS_BY_ID, StatusRow

Kind = Literal["like", "reply", "announce"]


class Leave(Enum):
    """What the policy of a status says to somebody."""

    FREE = "free"
    ASK = "ask"
    DENIED = "denied"


async def leave(tx: Transaction, kind: Kind, status: StatusRow, actor: AccountRow) -> Leave:
    """Say whether `actor`, one of our people, may act upon `status`, or has to ask.

    Whoever may because they follow asks too: third parties cannot see that they do, but can see
    the authorization. Authors, and whom a status names, may answer it (implicit assumptions of
    GoToSocial's interaction controls).
    """
    if status.local or status.account_id == actor.id:
        return Leave.FREE
    policy = await tx.value(INTERACTION_POLICY, status.id)
    permission = policy.get(kind) if isinstance(policy, dict) else None
    if permission is None or actor.uri in permission["automatic"]:
        return Leave.FREE
    if kind == "reply" and await tx.value(IS_NAMED, actor.id, status.id):
        return Leave.FREE
    author = await tx.one(ACCOUNT_BY_ID, status.account_id)
    asks = {PUBLIC, actor.uri}
    if author is not None and await tx.value(IS_FOLLOWER, actor.id, author.id):
        asks.add(author.followers_url or "")
    granted = asks.intersection((*permission["automatic"], *permission["manual"]))
    if granted or (author is not None and author.following_url in permission["automatic"]):
        return Leave.ASK
    return Leave.DENIED


async def ask_first(
    ctx: Context, tx: Transaction, kind: Kind, status: StatusRow, act: Act, interaction_uri: str
) -> None:
    """Note that the author of `status` is to be asked before `act` is told to others, where its
    policy wants that. Raises Refused where it does not allow the act at all."""
    if not act.actor.local:
        return
    said = await leave(tx, kind, status, act.actor)
    if said is Leave.DENIED:
        raise Refused("its author does not allow it")
    if said is Leave.ASK:
        await tx.execute(
            INSERT_INTERACTION_REQUEST,
            Uris(ctx.config.base_url).activity(ctx.ids.new()),
            act.actor.id,
            status.id,
            interaction_uri,
            kind,
            ctx.clock.now(),
        )


async def waiting(tx: Transaction, interaction_uri: str) -> InteractionRequestRow | None:
    """Give the request that the act of this URI waits for; None where it may be told."""
    row = await tx.one(REQUEST_OF_INTERACTION, interaction_uri)
    return row if row is not None and row.authorization_uri is None else None


async def request(
    tx: Transaction, waits_for: InteractionRequestRow, interaction: Activity | Object
) -> Outgoing | None:
    """Give the activity that asks for consent to `interaction`; it is for the author alone."""
    status = await tx.one(STATUS_BY_ID, waits_for.status_id)
    if status is None:
        return None
    asked = await tx.one(ACCOUNT_BY_ID, status.account_id)
    actor = await tx.one(ACCOUNT_BY_ID, waits_for.account_id)
    if asked is None or actor is None:
        return None
    return Outgoing(
        Activity(
            id=waits_for.uri,
            type=f"{waits_for.kind.capitalize()}Request",
            actor=actor.uri,
            object=status.uri,
            instrument=interaction.id,
            enclosed=interaction,
            to=(asked.uri,),
        )
    )

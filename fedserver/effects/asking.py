"""Asking a peer's author before our people answer, favourite or boost a status of theirs.

GoToSocial's interaction controls: a LikeRequest, ReplyRequest or AnnounceRequest goes out in place
of the activity, which is its instrument; the author answers with an authorization or a Reject.
"""

from activitypub.model import Activity, Object
from fedserver.effects.acts import Outgoing
from storage.accounts import ACCOUNT_BY_ID
from storage.database import Transaction
from storage.quotes import REQUEST_OF_INTERACTION, InteractionRequestRow
from storage.statuses import STATUS_BY_ID


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

"""What the policy of a status says to somebody who would like to answer, favourite or boost it
(GoToSocial's interaction controls), for our people's statuses and peers' alike."""

from enum import IntEnum
from typing import Literal

from storage import leave_rules
from storage.accounts import AccountRow
from storage.database import Database, Transaction
from storage.statuses import StatusRow

Kind = Literal["like", "reply", "announce"]

_RULES = {
    "like": leave_rules.LEAVE_TO_LIKE,
    "reply": leave_rules.LEAVE_TO_REPLY,
    "announce": leave_rules.LEAVE_TO_BOOST,
}


class Leave(IntEnum):
    """What the policy of a status says to somebody."""

    DENIED = leave_rules.DENIED
    ASK = leave_rules.ASK
    LISTED = leave_rules.LISTED  # others cannot read the list: they need the author's word
    FREE = leave_rules.FREE


async def leave(
    db: Database | Transaction, kind: Kind, status: StatusRow, actor: AccountRow
) -> Leave:
    """Say whether `actor` may act upon `status`, or has to ask; by one query at most."""
    if kind not in (status.interaction_policy or {}):
        return Leave.FREE
    said = await db.value(_RULES[kind], status.id, actor.id)
    return Leave(said or 0)

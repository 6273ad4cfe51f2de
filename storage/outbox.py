"""Activities of our people: written in the transaction of the act they tell of."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query

# $9 whether it is for the followers, $10 the inboxes beside theirs: a host that was away is sent by
# these what it missed.
INSERT_ACTIVITY = Command(
    """
    INSERT INTO outbox_activities (id, uri, account_id, type, document, listed, status_id,
        created_at, to_followers, to_inboxes)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    """
)


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """An activity as it was sent."""

    id: int
    uri: str
    account_id: int
    type: str
    document: bytes
    listed: bool
    status_id: int | None
    created_at: datetime


_COLUMNS = ", ".join(f"o.{name}" for name in ActivityRow.__dataclass_fields__)

ACTIVITY_BY_URI = Query(
    f"SELECT {_COLUMNS} FROM outbox_activities o WHERE o.uri = ANY (forms_of($1))", ActivityRow
)

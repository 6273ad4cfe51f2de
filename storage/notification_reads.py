"""Reading and clearing notifications."""

from datetime import datetime

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value


class NotificationRow(msgspec.Struct, frozen=True, gc=False):
    """A notification, and the version of the account that caused it."""

    id: int
    type: str
    from_account_id: int
    from_account_version: int
    status_id: int | None
    created_at: datetime
    collection_id: int | None


_COLUMNS = """n.id, n.type, n.from_account_id, a.xmin::text::bigint AS from_account_version,
    n.status_id, n.created_at, n.collection_id"""
# Who is limited notifies followers only.
_SHOWN = """a.suspended_at IS NULL AND a.deleted_at IS NULL
    AND (a.silenced_at IS NULL OR EXISTS (
        SELECT 1 FROM follows nf WHERE nf.account_id = n.account_id AND nf.target_id = a.id
            AND nf.accepted_at IS NOT NULL OFFSET 0))"""
# $5 only these types, or NULL; $6 without these types; $7 only from this account, or NULL.
_FILTER = f"""n.account_id = $4 AND ($5::text[] IS NULL OR n.type = ANY($5))
    AND NOT n.type = ANY($6::text[]) AND ($7::bigint IS NULL OR n.from_account_id = $7)
    AND {_SHOWN}"""

NOTIFICATIONS: Paged[NotificationRow] = paged(
    f"""
    SELECT {_COLUMNS} FROM notifications n JOIN accounts a ON a.id = n.from_account_id
    WHERE n.id < $1 AND n.id > $2 AND {_FILTER}
    ORDER BY n.id {{direction}} LIMIT $3
    """,
    NotificationRow,
)
NOTIFICATION = Query(
    f"""
    SELECT {_COLUMNS} FROM notifications n JOIN accounts a ON a.id = n.from_account_id
    WHERE n.id = $1 AND n.account_id = $2 AND {_SHOWN}
    """,
    NotificationRow,
)
# $1 ids, $2 whose.
NOTIFICATIONS_BY_ID = Query(
    f"""
    SELECT {_COLUMNS} FROM notifications n JOIN accounts a ON a.id = n.from_account_id
    WHERE n.id = ANY($1::bigint[]) AND n.account_id = $2 AND {_SHOWN}
    ORDER BY n.id
    """,
    NotificationRow,
)
# $1 ids, $2 people: those of them who have any of these.
RECEIVERS = Value(
    """
    SELECT DISTINCT account_id FROM notifications
    WHERE id = ANY($1::bigint[]) AND account_id = ANY($2::bigint[])
    """,
    int,
)
# $1 most, $2 whose, $3 only these types or NULL, $4 without these, $5 from this account or NULL.
COUNT_NOTIFICATIONS = Value(
    f"""
    SELECT count(*)::int FROM (
        SELECT 1 FROM notifications n JOIN accounts a ON a.id = n.from_account_id
        WHERE n.account_id = $2 AND ($3::text[] IS NULL OR n.type = ANY($3))
          AND NOT n.type = ANY($4::text[]) AND ($5::bigint IS NULL OR n.from_account_id = $5)
          AND {_SHOWN}
        ORDER BY n.id DESC LIMIT $1) newest
    """,
    int,
)
CLEAR_NOTIFICATIONS = Command("DELETE FROM notifications WHERE account_id = $1")
DISMISS_NOTIFICATION = Command("DELETE FROM notifications WHERE id = $1 AND account_id = $2")

"""Reading and clearing notifications, one by one; in groups: storage.notification_groups."""

from datetime import datetime

import msgspec

from storage.notifying import STAFF
from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.visibility import visible


class NotificationRow(msgspec.Struct, frozen=True, gc=False):
    """A notification, and the version of the account that caused it."""

    id: int
    type: str
    from_account_id: int
    from_account_version: int
    status_id: int | None
    subject_id: int | None
    created_at: datetime
    group_key: str
    filtered: bool


COLUMNS = """n.id, n.type, n.from_account_id, a.xmin::text::bigint AS from_account_version,
    n.status_id, n.subject_id, n.created_at,
    coalesce(n.group_key, 'ungrouped-' || n.id) AS group_key, n.filtered"""
# Of GoToSocial's types: what waits is shown to nobody else, and told to who asks for these types.
IS_PENDING = "left(n.type, 8) = 'pending.'"
# Of nobody who is gone, and of no status that the person cannot see: what is counted is what is
# shown. One's own status, which somebody favoured or boosted, one can always see. What moderators
# were told is for who still is one.
SHOWN = f"""a.suspended_at IS NULL AND a.deleted_at IS NULL
    AND (n.status_id IS NULL OR n.type IN ('favourite', 'reblog') OR {IS_PENDING} OR EXISTS (
        SELECT 1 FROM statuses s WHERE s.id = n.status_id AND {visible("s", "n.account_id")}
        OFFSET 0))
    AND (n.type NOT IN ('admin.report', 'admin.sign_up') OR EXISTS (
        SELECT 1 FROM users r WHERE r.account_id = n.account_id AND r.role IN {STAFF} OFFSET 0))"""


def wanted(first: int) -> str:
    """Give SQL for what was asked for, with five parameters from `$first` on: whose; only these
    types, or NULL for all that apps know; without these types; only from this account, or NULL;
    with the filtered."""
    whose, types, without, cause, filtered = (f"${first + place}" for place in range(5))
    return f"""n.account_id = {whose}
    AND (n.type = ANY({types}::text[]) OR ({types} IS NULL AND NOT {IS_PENDING}))
    AND NOT n.type = ANY({without}::text[])
    AND ({cause}::bigint IS NULL OR n.from_account_id = {cause})
    AND ({filtered} OR NOT n.filtered) AND {SHOWN}"""


FROM = "notifications n JOIN accounts a ON a.id = n.from_account_id"

# $4 to $8: see `wanted`.
NOTIFICATIONS: Paged[NotificationRow] = paged(
    f"""
    SELECT {COLUMNS} FROM {FROM} WHERE n.id < $1 AND n.id > $2 AND {wanted(4)}
    ORDER BY n.id {{direction}} LIMIT $3
    """,
    NotificationRow,
)
NOTIFICATION = Query(
    f"SELECT {COLUMNS} FROM {FROM} WHERE n.id = $1 AND n.account_id = $2 AND {SHOWN}",
    NotificationRow,
)
# $1 ids, $2 whose: what is shown of them at once.
NOTIFICATIONS_BY_ID = Query(
    f"""
    SELECT {COLUMNS} FROM {FROM}
    WHERE n.id = ANY($1::bigint[]) AND n.account_id = $2 AND NOT n.filtered AND {SHOWN}
      AND NOT {IS_PENDING}
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
LAST_READ = """coalesce((SELECT m.last_read_id FROM markers m
    WHERE m.account_id = $2 AND m.timeline = 'notifications'), 0)"""
# $1 most, $2 to $6: see `wanted`. Those after the one that was read last.
COUNT_UNREAD = Value(
    f"""
    SELECT count(*)::int FROM (
        SELECT 1 FROM {FROM} WHERE n.id > {LAST_READ} AND {wanted(2)}
        ORDER BY n.id DESC LIMIT $1) newest
    """,
    int,
)
CLEAR_NOTIFICATIONS = Command(
    """
    WITH requests AS (DELETE FROM notification_requests WHERE account_id = $1)
    DELETE FROM notifications WHERE account_id = $1
    """
)
# $1 ids, $2 whose.
DISMISS_NOTIFICATIONS = Command(
    "DELETE FROM notifications WHERE id = ANY($1::bigint[]) AND account_id = $2"
)

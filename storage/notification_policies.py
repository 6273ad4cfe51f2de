"""What people want of notifications, and the requests of those whose notifications are kept apart
(Mastodon API: NotificationPolicy, NotificationRequest). The rules are in storage.notifying."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value

# More filtered notifications or requests than this are not counted.
MOST_COUNTED = 100


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """For each kind of cause: accept, filter or drop."""

    for_not_following: str = "accept"
    for_not_followers: str = "accept"
    for_new_accounts: str = "accept"
    for_private_mentions: str = "filter"
    for_limited_accounts: str = "filter"
    for_bots: str = "accept"


SETTINGS = tuple(PolicyRow.__dataclass_fields__)
_COLUMNS = ", ".join(SETTINGS)

POLICY = Query(f"SELECT {_COLUMNS} FROM notification_policies WHERE account_id = $1", PolicyRow)
# $1 whose, then the settings in order, NULL for what stays as it is.
PUT_POLICY = Query(
    f"""
    INSERT INTO notification_policies AS p (account_id, {_COLUMNS})
    VALUES ($1, {
        ", ".join(
            f"coalesce(${place}, '{field.default}')"
            for place, field in enumerate(PolicyRow.__dataclass_fields__.values(), 2)
        )
    })
    ON CONFLICT (account_id) DO UPDATE SET {
        ", ".join(
            f"{name} = coalesce(${place}, p.{name})" for place, name in enumerate(SETTINGS, 2)
        )
    }
    RETURNING {_COLUMNS}
    """,
    PolicyRow,
)

# The filtered mentions and quotes that a request stands for.
_ASKED = f"""(SELECT count(*)::int FROM (
    SELECT 1 FROM notifications n
    WHERE n.account_id = r.account_id AND n.from_account_id = r.from_account_id AND n.filtered
      AND n.type IN ('mention', 'quote') LIMIT {MOST_COUNTED}) counted)"""
# A request whose statuses were all deleted asks for nothing any more.
_OPEN = """a.suspended_at IS NULL AND a.deleted_at IS NULL AND EXISTS (
    SELECT 1 FROM notifications n
    WHERE n.account_id = r.account_id AND n.from_account_id = r.from_account_id AND n.filtered
      AND n.type IN ('mention', 'quote') OFFSET 0)"""


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """How much waits to be accepted or dismissed."""

    requests: int
    notifications: int


SUMMARY = Query(
    f"""
    SELECT count(*)::int AS requests, coalesce(sum(x.count), 0)::int AS notifications
    FROM (
        SELECT {_ASKED} AS count
        FROM notification_requests r JOIN accounts a ON a.id = r.from_account_id
        WHERE r.account_id = $1 AND {_OPEN} ORDER BY r.id DESC LIMIT {MOST_COUNTED}
    ) x
    """,
    SummaryRow,
)


class RequestRow(msgspec.Struct, frozen=True, gc=False):
    """That `from_account_id` did what was filtered; its newest status, if it is still there."""

    id: int
    from_account_id: int
    from_account_version: int
    last_status_id: int | None
    count: int
    created_at: datetime
    updated_at: datetime


_REQUEST = f"""r.id, r.from_account_id, a.xmin::text::bigint AS from_account_version,
    (SELECT max(n.status_id) FROM notifications n
     WHERE n.account_id = r.account_id AND n.from_account_id = r.from_account_id AND n.filtered
       AND n.type IN ('mention', 'quote')) AS last_status_id,
    {_ASKED} AS count, r.created_at, r.updated_at"""

# $4 whose.
REQUESTS: Paged[RequestRow] = paged(
    f"""
    SELECT {_REQUEST} FROM notification_requests r JOIN accounts a ON a.id = r.from_account_id
    WHERE r.id < $1 AND r.id > $2 AND r.account_id = $4 AND {_OPEN}
    ORDER BY r.id {{direction}} LIMIT $3
    """,
    RequestRow,
)
# $1 id, $2 whose.
REQUEST = Query(
    f"""
    SELECT {_REQUEST} FROM notification_requests r JOIN accounts a ON a.id = r.from_account_id
    WHERE r.id = $1 AND r.account_id = $2 AND {_OPEN}
    """,
    RequestRow,
)
# Both take requests away, and give who had asked. $1 ids, $2 whose, $3 now.
ACCEPT_REQUESTS = Value(
    """
    WITH accepted AS (
        DELETE FROM notification_requests WHERE id = ANY($1::bigint[]) AND account_id = $2
        RETURNING from_account_id
    ), permitted AS (
        INSERT INTO notification_permissions (account_id, from_account_id, created_at)
        SELECT $2, from_account_id, $3 FROM accepted
        ON CONFLICT DO NOTHING
    ), shown AS (
        UPDATE notifications n SET filtered = false FROM accepted
        WHERE n.account_id = $2 AND n.from_account_id = accepted.from_account_id AND n.filtered
    )
    SELECT from_account_id FROM accepted
    """,
    int,
)
DISMISS_REQUESTS = Value(
    """
    WITH dismissed AS (
        DELETE FROM notification_requests WHERE id = ANY($1::bigint[]) AND account_id = $2
        RETURNING from_account_id
    ), gone AS (
        DELETE FROM notifications n USING dismissed
        WHERE n.account_id = $2 AND n.from_account_id = dismissed.from_account_id AND n.filtered
    )
    SELECT from_account_id FROM dismissed
    """,
    int,
)
# Now and then: requests that ask for nothing any more.
FORGET_EMPTY_REQUESTS = Command(
    """
    DELETE FROM notification_requests r WHERE NOT EXISTS (
        SELECT 1 FROM notifications n
        WHERE n.account_id = r.account_id AND n.from_account_id = r.from_account_id AND n.filtered
          AND n.type IN ('mention', 'quote'))
    """
)

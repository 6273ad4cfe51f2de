"""Web push: our key, subscriptions, and what waits to be sent to them."""

from datetime import datetime

import msgspec

from storage.query import Command, Query, Value


class PushKeyRow(msgspec.Struct, frozen=True, gc=False):
    """Our key; the private half is wrapped."""

    public_key: str
    private_key: bytes


PUSH_KEY = Query("SELECT public_key, private_key FROM push_keys", PushKeyRow)
PUT_PUSH_KEY = Command(
    """
    INSERT INTO push_keys (id, public_key, private_key, created_at) VALUES (1, $1, $2, $3)
    ON CONFLICT DO NOTHING
    """
)


class SubscriptionRow(msgspec.Struct, frozen=True, gc=False):
    """Where a person wants to be told of what, through one of their apps."""

    id: int
    endpoint: str
    standard: bool
    policy: str
    alerts: list[str]


_COLUMNS = "p.id, p.endpoint, p.standard, p.policy, p.alerts"

SUBSCRIPTION_OF_TOKEN = Query(
    f"SELECT {_COLUMNS} FROM push_subscriptions p WHERE p.token_id = $1", SubscriptionRow
)
DELETE_SUBSCRIPTION = Command("DELETE FROM push_subscriptions WHERE token_id = $1")
# A new subscription of the same token, under a new id: the old one goes with all that waits for it.
INSERT_SUBSCRIPTION = Query(
    f"""
    INSERT INTO push_subscriptions AS p (id, token_id, account_id, endpoint, p256dh, auth,
        access_token, standard, policy, alerts, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
    ON CONFLICT (token_id) DO NOTHING
    RETURNING {_COLUMNS}
    """,
    SubscriptionRow,
)
# $1 token; NULL leaves as it is.
CHANGE_SUBSCRIPTION = Query(
    f"""
    UPDATE push_subscriptions p SET policy = coalesce($2, policy), alerts = coalesce($3, alerts)
    WHERE p.token_id = $1 RETURNING {_COLUMNS}
    """,
    SubscriptionRow,
)
# $1 whose, $2 id; both policy and alerts anew.
REPLACE_WISHES = Query(
    f"""
    UPDATE push_subscriptions p SET policy = $3, alerts = $4
    WHERE p.account_id = $1 AND p.id = $2 RETURNING {_COLUMNS}
    """,
    SubscriptionRow,
)
DELETE_SUBSCRIPTION_BY_ID = Command(
    "DELETE FROM push_subscriptions WHERE account_id = $1 AND id = $2"
)


class PushRow(msgspec.Struct, frozen=True, gc=False):
    """A notification that is to be pushed. `text` is HTML unless `plain`."""

    subscription_id: int
    notification_id: int
    attempts: int
    created_at: datetime
    endpoint: str
    p256dh: bytes
    auth: bytes
    access_token: bytes
    standard: bool
    locale: str
    type: str
    from_account_id: int
    text: str
    plain: bool


# $1 now, $2 when the claim ends, $3 how many. The oldest of each subscription only, so that they
# come in order, and one that does not answer costs one attempt at a time.
CLAIM_PUSHES = Query(
    """
    WITH due AS (
        SELECT d.subscription_id, d.notification_id FROM push_deliveries d
        WHERE d.due_at <= $1 AND NOT EXISTS (
            SELECT 1 FROM push_deliveries e
            WHERE e.subscription_id = d.subscription_id AND e.notification_id < d.notification_id)
        ORDER BY d.due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ), claimed AS (
        UPDATE push_deliveries d SET due_at = $2, attempts = d.attempts + 1
        FROM due
        WHERE d.subscription_id = due.subscription_id AND d.notification_id = due.notification_id
        RETURNING d.subscription_id, d.notification_id, d.attempts, d.created_at
    )
    SELECT c.subscription_id, c.notification_id, c.attempts, c.created_at, p.endpoint, p.p256dh,
        p.auth, p.access_token, p.standard, u.locale, n.type, n.from_account_id,
        coalesce(nullif(s.spoiler_text, ''), s.content, a.note) AS text,
        coalesce(s.spoiler_text, '') <> '' AS plain
    FROM claimed c
    JOIN push_subscriptions p ON p.id = c.subscription_id
    JOIN users u ON u.account_id = p.account_id
    JOIN notifications n ON n.id = c.notification_id
    JOIN accounts a ON a.id = n.from_account_id
    LEFT JOIN statuses s ON s.id = n.status_id
    """,
    PushRow,
)
NEXT_PUSH_DUE_AT = Value("SELECT min(due_at) FROM push_deliveries", datetime)
SETTLE_PUSH = Command(
    "DELETE FROM push_deliveries WHERE subscription_id = $1 AND notification_id = $2"
)
POSTPONE_PUSH = Command(
    """
    UPDATE push_deliveries SET due_at = $3 WHERE subscription_id = $1 AND notification_id = $2
    """
)
# $1 subscription, $2 how many are kept: the newest.
TRIM_PUSHES = Command(
    """
    DELETE FROM push_deliveries WHERE subscription_id = $1 AND notification_id < (
        SELECT min(notification_id) FROM (
            SELECT notification_id FROM push_deliveries WHERE subscription_id = $1
            ORDER BY notification_id DESC LIMIT $2) newest)
    """
)
# Gone, unless it was made anew meanwhile.
DROP_SUBSCRIPTION = Command("DELETE FROM push_subscriptions WHERE id = $1")

"""Somebody's public posts by mail: who wants them, and which are to be sent."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value

# Of one account. Who has more readers than that has a newsletter.
MAX_SUBSCRIPTIONS = 10_000

# $1 account.
OFFERS_SUBSCRIPTIONS = Value(
    """
    SELECT u.email_subscriptions FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE u.account_id = $1 AND u.disabled_at IS NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    """,
    bool,
)
# $1 account, $2 whether. The Account says so too, so its row gets another version.
OFFER_SUBSCRIPTIONS = Command(
    """
    WITH shown AS (UPDATE accounts SET locked = locked WHERE id = $1)
    UPDATE users SET email_subscriptions = $2 WHERE account_id = $1
    """
)
# $1 id, $2 account, $3 address, $4 now. NULL where the address has confirmed before, or there are
# too many; the id of before where it did not.
PUT_SUBSCRIPTION = Value(
    f"""
    INSERT INTO email_subscriptions AS e (id, account_id, email, created_at)
    SELECT $1, $2, $3, $4
    WHERE (SELECT count(*) FROM email_subscriptions WHERE account_id = $2) < {MAX_SUBSCRIPTIONS}
    ON CONFLICT (account_id, email) DO UPDATE SET created_at = $4 WHERE e.confirmed_at IS NULL
    RETURNING e.id
    """,
    int,
)


@dataclass(frozen=True, slots=True)
class SubscriptionRow:
    """An address that wants somebody's posts."""

    id: int
    account_id: int
    username: str
    email: str
    confirmed_at: datetime | None


SUBSCRIPTION = Query(
    """
    SELECT e.id, e.account_id, a.username, e.email, e.confirmed_at
    FROM email_subscriptions e JOIN accounts a ON a.id = e.account_id WHERE e.id = $1
    """,
    SubscriptionRow,
)
CONFIRM_SUBSCRIPTION = Command(
    "UPDATE email_subscriptions SET confirmed_at = coalesce(confirmed_at, $2) WHERE id = $1"
)
DELETE_SUBSCRIPTION = Command("DELETE FROM email_subscriptions WHERE id = $1")
FORGET_UNCONFIRMED_SUBSCRIPTIONS = Command(
    "DELETE FROM email_subscriptions WHERE confirmed_at IS NULL AND created_at < $1"
)
# $1 status, $2 its author, $3 when: with what waits already, if something does.
MAIL_POST_SOON = Command(
    """
    INSERT INTO email_posts (status_id, account_id, due_at)
    SELECT $1, $2, coalesce((SELECT min(p.due_at) FROM email_posts p WHERE p.account_id = $2), $3)
    FROM users u
    WHERE u.account_id = $2 AND u.email_subscriptions AND EXISTS (
        SELECT 1 FROM email_subscriptions e
        WHERE e.account_id = $2 AND e.confirmed_at IS NOT NULL)
    """
)
NEXT_POST_MAILED_AT = Value("SELECT min(due_at) FROM email_posts", datetime)
# $1 now. The author whose posts are mailed now.
MAILING_AUTHOR = Value(
    """
    SELECT p.account_id FROM email_posts p WHERE p.due_at <= $1
    ORDER BY p.due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    """,
    int,
)


@dataclass(frozen=True, slots=True)
class MailedPostRow:
    """A post as it is mailed."""

    url: str
    spoiler_text: str
    text: str
    created_at: datetime


# $1 author. What was deleted meanwhile is gone; what is not public any more is left out.
TAKE_MAILED_POSTS = Query(
    """
    WITH taken AS (DELETE FROM email_posts WHERE account_id = $1 RETURNING status_id)
    SELECT s.url, s.spoiler_text, s.source AS text, s.created_at
    FROM taken t JOIN statuses s ON s.id = t.status_id
    WHERE s.visibility = 'public' AND NOT s.withheld ORDER BY s.id
    """,
    MailedPostRow,
)


@dataclass(frozen=True, slots=True)
class ReaderRow:
    """An address that gets a mail now."""

    id: int
    email: str


# $1 author.
CONFIRMED_READERS = Query(
    """
    SELECT e.id, e.email FROM email_subscriptions e JOIN users u ON u.account_id = e.account_id
    WHERE e.account_id = $1 AND e.confirmed_at IS NOT NULL AND u.email_subscriptions
    """,
    ReaderRow,
)
# $1 ids, $2 recipients, $3 subject, $4 text for all, after which each reads $5 how to end it.
# $6 now.
INSERT_POST_MAILS = Command(
    """
    INSERT INTO mails (id, recipient, subject, body, unsubscribe_url, next_attempt_at, created_at)
    SELECT m.id, m.recipient, $3, $4 || m.url, m.url, $6, $6
    FROM unnest($1::bigint[], $2::text[], $5::text[]) AS m (id, recipient, url)
    """
)

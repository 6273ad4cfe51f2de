"""What still has to be delivered: a row for each activity and inbox, in lanes by host."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value

# $1 activity, $2 inboxes, $3 their hosts, $4 now. A host that said it is gone for good gets
# nothing; an idle lane is due at once, one that backs off keeps its time.
INSERT_DELIVERIES = Command(
    """
    WITH wanted AS (
        SELECT w.inbox_url, w.host FROM unnest($2::text[], $3::text[]) AS w (inbox_url, host)
        WHERE NOT EXISTS (SELECT 1 FROM hosts g WHERE g.host = w.host AND g.gone_at IS NOT NULL)
    ), lanes AS (
        INSERT INTO hosts (host, first_seen_at, next_try_at)
        SELECT DISTINCT host, $4::timestamptz, $4::timestamptz FROM wanted ORDER BY host
        ON CONFLICT (host) DO UPDATE SET next_try_at = coalesce(hosts.next_try_at, $4)
    ), told AS (SELECT pg_notify('fedserver_deliveries', ''))
    INSERT INTO deliveries (activity_id, inbox_url, host, created_at)
    SELECT $1, inbox_url, host, $4 FROM wanted LEFT JOIN told ON true
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One activity for one inbox."""

    activity_id: int
    inbox_url: str
    account_id: int
    type: str
    uri: str
    document: bytes
    created_at: datetime


# $1 host, $2 how many: the oldest first.
DELIVERIES_OF_LANE = Query(
    """
    SELECT d.activity_id, d.inbox_url, o.account_id, o.type, o.uri, o.document, d.created_at
    FROM deliveries d JOIN outbox_activities o ON o.id = d.activity_id
    WHERE d.host = $1 ORDER BY d.activity_id, d.inbox_url LIMIT $2
    """,
    DeliveryRow,
)
# $1 activities, $2 inboxes.
DELETE_DELIVERIES = Command(
    """
    DELETE FROM deliveries d USING unnest($1::bigint[], $2::text[]) AS x (activity_id, inbox_url)
    WHERE d.activity_id = x.activity_id AND d.inbox_url = x.inbox_url
    """
)
IS_SHARED_INBOX = Value("SELECT EXISTS (SELECT 1 FROM accounts WHERE shared_inbox_url = $1)", bool)
DELETE_OVERDUE = Command("DELETE FROM deliveries WHERE host = $1 AND created_at < $2")

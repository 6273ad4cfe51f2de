"""What the instance tells of itself: counters and peers."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Query, Value


@dataclass(frozen=True, slots=True)
class InstanceStatsRow:
    """Counters. The work grows with the people of this instance only; callers keep the answer."""

    users: int
    active_month: int
    statuses: int
    domains: int


# $1: active since.
INSTANCE_STATS = Query(
    """
    SELECT count(*)::bigint AS users,
        count(*) FILTER (WHERE u.last_active_at > $1)::bigint AS active_month,
        coalesce(sum(a.statuses_count), 0)::bigint AS statuses,
        (SELECT count(*) FROM hosts)::bigint AS domains
    FROM users u JOIN accounts a ON a.id = u.account_id
    """,
    InstanceStatsRow,
)
PEERS = Value("SELECT h.host FROM hosts h ORDER BY h.host LIMIT 50000", str)
# $1 prefix in lower case (without % and _), $2 how many.
PEERS_NAMED = Value(
    """
    SELECT h.host FROM hosts h WHERE starts_with(h.host, $1) ORDER BY h.host LIMIT $2
    """,
    str,
)


@dataclass(frozen=True, slots=True)
class WeekRow:
    """What happened here in a week; `week` is its Monday, at midnight UTC."""

    week: datetime
    statuses: int
    logins: int
    registrations: int


# $1 now, $2 the first id of the oldest week. Twelve weeks, the newest first. Ids tell the time:
# they are milliseconds since 1970, 16 bits up.
ACTIVITY = Query(
    """
    WITH weeks AS (
        SELECT generate_series(
            date_trunc('week', $1::timestamptz AT TIME ZONE 'UTC') - interval '11 weeks',
            date_trunc('week', $1::timestamptz AT TIME ZONE 'UTC'), interval '1 week') AS week
    ), posted AS (
        SELECT date_trunc('week', to_timestamp((s.id >> 16) / 1000.0) AT TIME ZONE 'UTC') AS week,
            count(*) AS statuses
        FROM statuses s WHERE s.id >= $2 AND s.visibility = 'public' AND s.reblog_of_id IS NULL
          AND s.local
          AND (s.in_reply_to_account_id IS NULL OR s.in_reply_to_account_id = s.account_id)
        GROUP BY 1
    ), joined AS (
        SELECT date_trunc('week', u.created_at AT TIME ZONE 'UTC') AS week, count(*) AS people
        FROM users u WHERE u.created_at >= $1::timestamptz - interval '12 weeks' GROUP BY 1
    ), seen AS (
        SELECT w.week::timestamp AS week, count(*) AS people FROM active_weeks w
        WHERE w.week >= ($1::timestamptz - interval '13 weeks')::date GROUP BY 1
    )
    SELECT w.week AT TIME ZONE 'UTC' AS week, coalesce(p.statuses, 0)::int AS statuses,
        coalesce(n.people, 0)::int AS logins, coalesce(j.people, 0)::int AS registrations
    FROM weeks w LEFT JOIN posted p ON p.week = w.week LEFT JOIN joined j ON j.week = w.week
    LEFT JOIN seen n ON n.week = w.week ORDER BY w.week DESC
    """,
    WeekRow,
)
# The account that speaks for the instance: the first owner or admin.
CONTACT_ACCOUNT = Value(
    """
    SELECT u.account_id FROM users u WHERE u.role IN ('owner', 'admin')
    ORDER BY u.role DESC, u.created_at LIMIT 1
    """,
    int,
)

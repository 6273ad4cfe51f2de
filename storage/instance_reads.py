"""What the instance tells of itself: counters and peers."""

from dataclasses import dataclass

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
# The account that speaks for the instance: the first owner or admin.
CONTACT_ACCOUNT = Value(
    """
    SELECT u.account_id FROM users u WHERE u.role IN ('owner', 'admin')
    ORDER BY u.role DESC, u.created_at LIMIT 1
    """,
    int,
)

"""What peers read: collections of an account, and the counters of NodeInfo."""

from dataclasses import dataclass

from storage.paging import paged
from storage.query import Query, Value


@dataclass(frozen=True, slots=True)
class ListedActivityRow:
    """An activity shown in an outbox."""

    id: int
    uri: str
    document: bytes


# $4 account. What was deleted is not listed any more.
OUTBOX_PAGE = paged(
    """
    SELECT o.id, o.uri, o.document FROM outbox_activities o JOIN statuses s ON s.id = o.status_id
    WHERE o.id < $1 AND o.id > $2 AND o.account_id = $4 AND o.listed
    ORDER BY o.id {direction} LIMIT $3
    """,
    ListedActivityRow,
)


@dataclass(frozen=True, slots=True)
class RelatedRow:
    """A follower, or somebody followed: `id` is the follow's."""

    id: int
    uri: str


FOLLOWER_PAGE = paged(
    """
    SELECT f.id, a.uri FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.id < $1 AND f.id > $2 AND f.target_id = $4 AND f.accepted_at IS NOT NULL
    ORDER BY f.id {direction} LIMIT $3
    """,
    RelatedRow,
)
FOLLOWING_PAGE = paged(
    """
    SELECT f.id, a.uri FROM follows f JOIN accounts a ON a.id = f.target_id
    WHERE f.id < $1 AND f.id > $2 AND f.account_id = $4 AND f.accepted_at IS NOT NULL
    ORDER BY f.id {direction} LIMIT $3
    """,
    RelatedRow,
)


@dataclass(frozen=True, slots=True)
class UsageRow:
    """How many people there are, how many were active lately, and how much they wrote."""

    users: int
    active_month: int
    active_halfyear: int
    local_posts: int


# $1 a month ago, $2 half a year ago. Over the people here, of whom there are few.
USAGE = Query(
    """
    SELECT count(*)::int AS users,
        count(*) FILTER (WHERE u.last_active_at > $1)::int AS active_month,
        count(*) FILTER (WHERE u.last_active_at > $2)::int AS active_halfyear,
        coalesce(sum(a.statuses_count), 0)::int AS local_posts
    FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE a.deleted_at IS NULL
    """,
    UsageRow,
)
# Who runs the instance.
STAFF = Value(
    """
    SELECT a.uri FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE u.role IN ('moderator', 'admin', 'owner') AND u.disabled_at IS NULL
        AND a.deleted_at IS NULL AND a.suspended_at IS NULL
    ORDER BY a.id LIMIT 50
    """,
    str,
)

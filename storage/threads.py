"""What hangs on a status: replies, likes, shares, its thread, and where a peer has more of it."""

from dataclasses import dataclass
from datetime import datetime

from storage.paging import paged
from storage.query import Command, Query, Value
from storage.statuses import STATUS_COLUMNS, StatusRow
from storage.visibility import visible

# $1 status, $2 after this one, $3 how many, $4 reader: the oldest first.
REPLIES_TO = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.in_reply_to_id = $1 AND s.id > $2 AND {visible("s", "$4::bigint")}
    ORDER BY s.id LIMIT $3
    """,
    StatusRow,
)
# $1 thread, $2 after this one, $3 how many, $4 reader: the oldest first.
THREAD_PAGE = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.thread_id = $1 AND s.id > $2 AND s.reblog_of_id IS NULL
        AND {visible("s", "$4::bigint")}
    ORDER BY s.id LIMIT $3
    """,
    StatusRow,
)


@dataclass(frozen=True, slots=True)
class ReactionRow:
    """A Like or Announce of a status: `uri` is the activity's."""

    id: int
    uri: str


# $4 status. Likes of those who were suspended or have left do not count.
LIKES_PAGE = paged(
    """
    SELECT f.id, f.uri FROM favourites f JOIN accounts a ON a.id = f.account_id
    WHERE f.id < $1 AND f.id > $2 AND f.status_id = $4 AND NOT f.withheld
        AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    ORDER BY f.id {direction} LIMIT $3
    """,
    ReactionRow,
)
# $4 status, $5 reader.
SHARES_PAGE = paged(
    f"""
    SELECT s.id, s.uri FROM statuses s
    WHERE s.id < $1 AND s.id > $2 AND s.reblog_of_id = $4 AND {visible("s", "$5::bigint")}
    ORDER BY s.id {{direction}} LIMIT $3
    """,
    ReactionRow,
)

# --- where a peer has more ---------------------------------------------------------------------

PUT_COLLECTIONS = Command(
    """
    INSERT INTO status_collections (status_id, replies_uri, context_uri) VALUES ($1, $2, $3)
    ON CONFLICT (status_id) DO UPDATE SET replies_uri = excluded.replies_uri,
        context_uri = excluded.context_uri
    """
)


@dataclass(frozen=True, slots=True)
class CollectionsRow:
    """A peer's status of a thread, and where it says that more of the thread is."""

    status_id: int
    uri: str
    replies_uri: str | None
    context_uri: str | None


# $1 thread, $2 the status that somebody looks at, $3 how many: that one first, then from the root.
COLLECTIONS_OF_THREAD = Query(
    """
    SELECT c.status_id, s.uri, c.replies_uri, c.context_uri
    FROM statuses s JOIN status_collections c ON c.status_id = s.id
    WHERE s.thread_id = $1 AND s.reblog_of_id IS NULL AND NOT s.local
    ORDER BY s.id <> $2, s.id LIMIT $3
    """,
    CollectionsRow,
)
# $1 thread, $2 URIs: those of them that belong to the thread.
URIS_IN_THREAD = Value(
    "SELECT uri FROM statuses WHERE thread_id = $1 AND uri = ANY($2::text[])", str
)
# $1 URIs: those that are stored here.
KNOWN_STATUS_URIS = Value("SELECT uri FROM statuses WHERE uri = ANY($1::text[])", str)
# What answered a status before it came brings its own answers along. $1 its URI, $2 its thread.
# Gives the threads that are parts of it now.
MOVE_THREADS = Value(
    """
    WITH parts AS (
        SELECT o.thread_id FROM statuses o
        WHERE o.in_reply_to_uri = $1 AND o.in_reply_to_id IS NULL AND o.thread_id = o.id
    ), muted AS (
        INSERT INTO thread_mutes (account_id, thread_id, created_at)
        SELECT m.account_id, $2, m.created_at
        FROM thread_mutes m WHERE m.thread_id IN (SELECT thread_id FROM parts)
        ON CONFLICT DO NOTHING
    ), moved AS (
        UPDATE statuses SET thread_id = $2
        WHERE reblog_of_id IS NULL AND thread_id = ANY (ARRAY(SELECT thread_id FROM parts))
    )
    SELECT thread_id FROM parts
    """,
    int,
)

# --- completing threads ------------------------------------------------------------------------

# $1 thread, $2 status to begin with, $3 due, $4 now, $5 asked before this counts as long ago.
ASK_FOR_THREAD = Command(
    """
    WITH told AS (SELECT pg_notify('fedserver_threads', ''))
    INSERT INTO thread_backfills (thread_id, status_id, due_at, asked_at)
    SELECT $1, $2, $3, $4 FROM told
    ON CONFLICT (thread_id) DO UPDATE SET due_at = CASE
            WHEN thread_backfills.due_at IS NULL THEN excluded.due_at
            ELSE least(thread_backfills.due_at, excluded.due_at) END,
        status_id = excluded.status_id, asked_at = excluded.asked_at
    WHERE thread_backfills.due_at > excluded.due_at OR thread_backfills.asked_at < $5
    """
)


@dataclass(frozen=True, slots=True)
class BackfillRow:
    """A thread that is to be completed."""

    thread_id: int
    status_id: int


# $1 now, $2 claimed until, $3 how many.
CLAIM_THREADS = Query(
    """
    UPDATE thread_backfills b SET due_at = $2 FROM (
        SELECT thread_id FROM thread_backfills WHERE due_at <= $1
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE b.thread_id = due.thread_id RETURNING b.thread_id, b.status_id
    """,
    BackfillRow,
)
# $2 how many statuses came.
THREAD_DONE = Command(
    "UPDATE thread_backfills SET due_at = NULL, brought = $2 WHERE thread_id = $1"
)


@dataclass(frozen=True, slots=True)
class RefreshRow:
    """How far completing a thread is."""

    running: bool
    brought: int


THREAD_REFRESH = Query(
    "SELECT due_at IS NOT NULL AS running, brought FROM thread_backfills WHERE thread_id = $1",
    RefreshRow,
)
NEXT_THREAD_AT = Value("SELECT min(due_at) FROM thread_backfills", datetime)
FORGET_BACKFILLS = Command("DELETE FROM thread_backfills WHERE due_at IS NULL AND asked_at < $1")

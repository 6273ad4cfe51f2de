"""Lists that people bring from elsewhere, and take along."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value

INSERT_IMPORT = Command(
    """
    INSERT INTO imports (id, account_id, kind, overwrite, created_at) VALUES ($1, $2, $3, $4, $5)
    """
)
# $1 import, $2 ids, $3 entries, $4 now.
INSERT_IMPORT_ROWS = Command(
    """
    INSERT INTO import_rows (id, import_id, entry, due_at)
    SELECT n.id, $1, n.entry, $4 FROM unnest($2::bigint[], $3::jsonb[]) AS n (id, entry)
    """
)


@dataclass(frozen=True, slots=True)
class ImportRow:
    """An import with how far it is."""

    id: int
    kind: str
    overwrite: bool
    created_at: datetime
    total: int
    done: int
    failed: int


# $1 owner, $2 one import or NULL for all. At most the newest 20.
IMPORTS = Query(
    """
    SELECT i.id, i.kind, i.overwrite, i.created_at, count(r.id)::int AS total,
        (count(r.id) FILTER (WHERE r.due_at IS NULL AND r.failure IS NULL))::int AS done,
        (count(r.id) FILTER (WHERE r.due_at IS NULL AND r.failure IS NOT NULL))::int AS failed
    FROM imports i LEFT JOIN import_rows r ON r.import_id = i.id
    WHERE i.account_id = $1 AND ($2::bigint IS NULL OR i.id = $2)
    GROUP BY i.id ORDER BY i.id DESC LIMIT 20
    """,
    ImportRow,
)
UNFINISHED_IMPORTS = Value(
    """
    SELECT count(DISTINCT i.id) FROM imports i JOIN import_rows r ON r.import_id = i.id
    WHERE i.account_id = $1 AND r.due_at IS NOT NULL
    """,
    int,
)


@dataclass(frozen=True, slots=True)
class FailureRow:
    """A line that could not be done, and why."""

    entry: dict[str, Any]
    failure: str


IMPORT_FAILURES = Query(
    """
    SELECT r.entry, r.failure FROM import_rows r JOIN imports i ON i.id = r.import_id
    WHERE i.id = $1 AND i.account_id = $2 AND r.due_at IS NULL AND r.failure IS NOT NULL
    ORDER BY r.id
    """,
    FailureRow,
)


@dataclass(frozen=True, slots=True)
class ClaimedRow:
    """A line to be done now, for whom."""

    id: int
    account_id: int
    kind: str
    entry: dict[str, Any]
    attempts: int


CLAIM_IMPORT_ROWS = Query(
    """
    UPDATE import_rows r SET due_at = $2, attempts = r.attempts + 1 FROM (
        SELECT id FROM import_rows WHERE due_at <= $1
        ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due, imports i
    WHERE r.id = due.id AND i.id = r.import_id
    RETURNING r.id, i.account_id, i.kind, r.entry, r.attempts
    """,
    ClaimedRow,
)
# $2 NULL: settled. $3 why it could not be done (yet).
SETTLE_IMPORT_ROW = Command("UPDATE import_rows SET due_at = $2, failure = $3 WHERE id = $1")
NEXT_IMPORT_AT = Value("SELECT min(due_at) FROM import_rows WHERE due_at IS NOT NULL", datetime)
FORGET_OLD_IMPORTS = Command(
    """
    DELETE FROM imports i WHERE i.created_at < $1 AND NOT EXISTS (
        SELECT 1 FROM import_rows r WHERE r.import_id = i.id AND r.due_at IS NOT NULL)
    """
)

# What people take along, in the columns of Mastodon's files; $1 owner, $2 our own domain.
_ADDRESS = "a.username || '@' || coalesce(a.domain, $2::text)"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A line: an address or URI, and what else the file says."""

    name: str
    more: list[str]


EXPORT_FOLLOWS = Query(
    f"""
    SELECT {_ADDRESS} AS name,
        ARRAY[f.show_reblogs::text, f.notify::text,
              array_to_string(coalesce(f.languages, ARRAY[]::text[]), ', ')] AS more
    FROM follows f JOIN accounts a ON a.id = f.target_id
    WHERE f.account_id = $1 AND f.accepted_at IS NOT NULL AND a.deleted_at IS NULL ORDER BY f.id
    """,
    ExportRow,
)
EXPORT_BLOCKS = Query(
    f"""
    SELECT {_ADDRESS} AS name, ARRAY[]::text[] AS more
    FROM blocks b JOIN accounts a ON a.id = b.target_id
    WHERE b.account_id = $1 AND a.deleted_at IS NULL ORDER BY b.id
    """,
    ExportRow,
)
EXPORT_MUTES = Query(
    f"""
    SELECT {_ADDRESS} AS name, ARRAY[m.hide_notifications::text] AS more
    FROM mutes m JOIN accounts a ON a.id = m.target_id
    WHERE m.account_id = $1 AND a.deleted_at IS NULL ORDER BY m.id
    """,
    ExportRow,
)
EXPORT_LISTS = Query(
    f"""
    SELECT l.title AS name, ARRAY[{_ADDRESS}] AS more
    FROM lists l JOIN list_accounts m ON m.list_id = l.id JOIN accounts a ON a.id = m.account_id
    WHERE l.account_id = $1 AND a.deleted_at IS NULL ORDER BY l.id, m.id
    """,
    ExportRow,
)
# $2 is not used here, but all of these are asked alike.
EXPORT_BOOKMARKS = Query(
    """
    SELECT s.uri AS name, ARRAY[]::text[] AS more
    FROM bookmarks b JOIN statuses s ON s.id = b.status_id
    WHERE b.account_id = $1 AND $2::text IS NOT NULL ORDER BY b.id
    """,
    ExportRow,
)
EXPORT_DOMAIN_BLOCKS = Query(
    """
    SELECT b.domain AS name, ARRAY[]::text[] AS more
    FROM user_domain_blocks b WHERE b.account_id = $1 AND $2::text IS NOT NULL ORDER BY b.id
    """,
    ExportRow,
)
LIST_BY_TITLE = Value(
    "SELECT id FROM lists WHERE account_id = $1 AND title = $2 ORDER BY id LIMIT 1", int
)

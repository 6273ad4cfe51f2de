"""Whom one may like to follow, the directory, and who of one's follows follows somebody."""

from dataclasses import dataclass

from storage.account_reads import AccountHeadRow
from storage.query import Command, Query
from storage.visibility import unwanted

_OPEN = """a.discoverable AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    AND a.silenced_at IS NULL AND a.moved_to_id IS NULL"""


@dataclass(frozen=True, slots=True)
class SuggestionRow:
    """Somebody to follow, and why: one of the words of Mastodon's API."""

    cursor: int
    id: int
    version: int
    source: str


# $1 who, $2 how many. First whom several of one's follows follow, then whom many people follow;
# looked at are the newest 200 follows and of each its newest 200, and the 200 most followed.
SUGGESTIONS = Query(
    f"""
    WITH circle AS (
        SELECT f.target_id FROM follows f
        WHERE f.account_id = $1 AND f.accepted_at IS NOT NULL ORDER BY f.id DESC LIMIT 200
    ), known AS (
        SELECT n.target_id AS id, count(*) AS weight
        FROM circle c CROSS JOIN LATERAL (
            SELECT f.target_id FROM follows f JOIN accounts o ON o.id = f.account_id
            WHERE f.account_id = c.target_id AND f.accepted_at IS NOT NULL
              AND NOT o.hide_collections
            ORDER BY f.id DESC LIMIT 200
        ) n GROUP BY 1 HAVING count(*) > 1
    ), popular AS (
        SELECT a.id, a.followers_count AS weight FROM accounts a
        WHERE {_OPEN} AND a.followers_count > 0 ORDER BY a.followers_count DESC, a.id LIMIT 200
    ), wanted AS (
        SELECT DISTINCT ON (id) id, place, weight, source FROM (
            SELECT id, 1 AS place, weight, 'friends_of_friends' AS source FROM known
            UNION ALL SELECT id, 2, weight, 'most_followed' FROM popular
        ) x ORDER BY id, place
    )
    SELECT 0::bigint AS cursor, a.id, a.xmin::text::bigint AS version, w.source
    FROM wanted w JOIN accounts a ON a.id = w.id
    WHERE {_OPEN} AND a.id <> $1 AND NOT {unwanted("a.id", "$1::bigint")}
      AND NOT EXISTS (SELECT 1 FROM follows f WHERE f.account_id = $1 AND f.target_id = a.id)
      AND NOT EXISTS (SELECT 1 FROM dismissed_suggestions d
                      WHERE d.account_id = $1 AND d.target_id = a.id)
    ORDER BY w.place, w.weight DESC, a.id LIMIT $2
    """,
    SuggestionRow,
)
DISMISS_SUGGESTION = Command(
    """
    INSERT INTO dismissed_suggestions (account_id, target_id)
    SELECT $1, a.id FROM accounts a WHERE a.id = $2 ON CONFLICT DO NOTHING
    """
)


def _directory(order: str) -> Query[AccountHeadRow]:
    """$1 limit, $2 offset, $3 only ours, $4 viewer."""
    return Query(
        f"""
        SELECT 0::bigint AS cursor, a.id, a.xmin::text::bigint AS version FROM accounts a
        WHERE {_OPEN} AND (NOT $3::boolean OR a.domain IS NULL)
          AND a.actor_type <> 'Application'
          AND ($4::bigint IS NULL OR NOT {unwanted("a.id", "$4::bigint")})
        ORDER BY {order}, a.id LIMIT $1 OFFSET $2
        """,
        AccountHeadRow,
    )


DIRECTORY_BY_ACTIVITY = _directory("a.last_status_at DESC NULLS LAST")
DIRECTORY_BY_AGE = _directory("a.created_at DESC")


@dataclass(frozen=True, slots=True)
class FamiliarRow:
    """One of whom `subject_id` is followed by, whom the viewer follows."""

    subject_id: int
    id: int
    version: int


# $1 viewer, $2 ids, $3 how many of each.
FAMILIAR_FOLLOWERS = Query(
    """
    SELECT wanted.id AS subject_id, n.id, n.version
    FROM unnest($2::bigint[]) WITH ORDINALITY AS wanted (id, place)
    JOIN accounts w ON w.id = wanted.id AND NOT w.hide_collections
    CROSS JOIN LATERAL (
        SELECT a.id, a.xmin::text::bigint AS version, f.id AS follow_id
        FROM follows f JOIN follows mine ON mine.target_id = f.account_id
        JOIN accounts a ON a.id = f.account_id
        WHERE f.target_id = wanted.id AND f.accepted_at IS NOT NULL
          AND mine.account_id = $1 AND mine.accepted_at IS NOT NULL
          AND NOT a.hide_collections AND a.suspended_at IS NULL AND a.deleted_at IS NULL
        ORDER BY f.id DESC LIMIT $3
    ) n
    ORDER BY wanted.place, n.follow_id DESC
    """,
    FamiliarRow,
)

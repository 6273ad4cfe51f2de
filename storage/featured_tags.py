"""Hashtags that people show on their profiles."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class FeaturedTagRow:
    """A hashtag of a profile, and how its owner used it in what everybody may see."""

    id: int
    name: str
    tag_name: str
    statuses_count: int
    last_status_at: datetime | None


_COLUMNS = """
    ft.id, ft.name, t.name AS tag_name, used.statuses_count, used.last_status_at
    FROM featured_tags ft JOIN tags t ON t.id = ft.tag_id
    CROSS JOIN LATERAL (
        SELECT count(*)::int AS statuses_count, max(s.created_at) AS last_status_at
        FROM status_tags st JOIN statuses s ON s.id = st.status_id
        WHERE st.tag_id = ft.tag_id AND s.account_id = ft.account_id
            AND s.visibility IN ('public', 'unlisted')
    ) used
"""
FEATURED_TAGS_OF = Query(
    f"SELECT {_COLUMNS} WHERE ft.account_id = $1 ORDER BY used.statuses_count DESC, ft.id LIMIT 50",
    FeaturedTagRow,
)
FEATURED_TAG_BY_ID = Query(
    f"SELECT {_COLUMNS} WHERE ft.id = $1 AND ft.account_id = $2", FeaturedTagRow
)
# The featured tags of an account, which then only this transaction changes.
LOCK_FEATURED_TAGS = Value(
    """
    WITH owner AS (SELECT id FROM accounts WHERE id = $1 FOR UPDATE)
    SELECT t.name FROM owner JOIN featured_tags f ON f.account_id = owner.id
    JOIN tags t ON t.id = f.tag_id
    """,
    str,
)
# $1 id, $2 account, $3 id of the tag if it is new, $4 its name, $5 as written, $6 now.
FEATURE_TAG = Command(
    """
    WITH tag AS (
        INSERT INTO tags (id, name, display_name, created_at) VALUES ($3, $4, $5, $6)
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
    )
    INSERT INTO featured_tags (id, account_id, tag_id, name, created_at)
    SELECT $1, $2, tag.id, $5, $6 FROM tag ON CONFLICT DO NOTHING
    """
)
# $1 account, $2 name of the tag.
UNFEATURE_TAG = Command(
    """
    DELETE FROM featured_tags f USING tags t
    WHERE f.account_id = $1 AND t.id = f.tag_id AND t.name = $2
    """
)
# What the account used most often of late, and does not show yet. $1 account, $2 how many.
SUGGESTED_TAGS = Value(
    """
    SELECT t.id FROM (
        SELECT id FROM statuses WHERE account_id = $1 AND reblog_of_id IS NULL
            AND visibility IN ('public', 'unlisted')
        ORDER BY id DESC LIMIT 1000
    ) lately
    JOIN status_tags st ON st.status_id = lately.id JOIN tags t ON t.id = st.tag_id
    WHERE NOT EXISTS (
        SELECT 1 FROM featured_tags f WHERE f.account_id = $1 AND f.tag_id = t.id)
    GROUP BY t.id ORDER BY count(*) DESC, max(st.status_id) DESC LIMIT $2
    """,
    int,
)

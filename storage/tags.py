"""Hashtags: what is told of each, and who follows it."""

from dataclasses import dataclass
from typing import Any

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value


class TagDetailRow(msgspec.Struct, frozen=True, gc=False):
    """A hashtag as a viewer is told of it.

    `history`: [{day, uses, accounts}], one entry for each day of use, `day` counted from the
    first of January 1970.
    """

    id: int
    name: str
    following: bool
    history: list[Any]
    featuring: bool = False


# $1 ids, $2 viewer or NULL, $3 the smallest id of a post that counts. A day's first id leads to the
# day: ids are milliseconds since 1970, 16 bits up.
TAG_DETAILS = Query(
    """
    SELECT t.id, t.name,
        EXISTS (SELECT 1 FROM tag_follows f
                WHERE f.account_id = $2::bigint AND f.tag_id = t.id OFFSET 0) AS following,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'day', d.day, 'uses', d.uses, 'accounts', d.accounts))
            FROM (
                SELECT (st.status_id >> 16) / 86400000 AS day, count(*) AS uses,
                    count(DISTINCT s.account_id) AS accounts
                FROM status_tags st JOIN statuses s ON s.id = st.status_id
                WHERE st.tag_id = t.id AND st.status_id > $3 AND s.visibility = 'public'
                GROUP BY 1
            ) d
        ), '[]') AS history,
        EXISTS (SELECT 1 FROM featured_tags ft
                WHERE ft.account_id = $2 AND ft.tag_id = t.id OFFSET 0) AS featuring
    FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place)
    JOIN tags t ON t.id = wanted.id
    ORDER BY wanted.place
    """,
    TagDetailRow,
)
TAG_ID = Value("SELECT id FROM tags WHERE name = $1", int)
# $1 id, $2 name, $3 as it was written, $4 now. Gives the id that it has.
PUT_TAG = Value(
    """
    INSERT INTO tags (id, name, display_name, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id
    """,
    int,
)
COUNT_TAG_FOLLOWS = Value("SELECT count(*) FROM tag_follows WHERE account_id = $1", int)
FOLLOW_TAG = Command(
    """
    INSERT INTO tag_follows (id, account_id, tag_id, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, tag_id) DO NOTHING
    """
)
UNFOLLOW_TAG = Command("DELETE FROM tag_follows WHERE account_id = $1 AND tag_id = $2")


@dataclass(frozen=True, slots=True)
class FollowedTagRow:
    """One entry of the list of followed hashtags."""

    cursor: int
    id: int


# $4 whose.
FOLLOWED_TAGS: Paged[FollowedTagRow] = paged(
    """
    SELECT f.id AS cursor, f.tag_id AS id FROM tag_follows f
    WHERE f.account_id = $4 AND f.id < $1 AND f.id > $2 ORDER BY f.id {direction} LIMIT $3
    """,
    FollowedTagRow,
)

"""Search in what is known here: people, hashtags, and the viewer's own circle of statuses.

Every query looks at a bounded number of rows, whatever the tables hold.
"""

import msgspec

from storage.account_reads import AccountHeadRow
from storage.query import Query, Value
from storage.status_reads import HeadRow, head_query

_CANDIDATES = 500
_OWN_CIRCLE = 1_000

# Upper end of a prefix range: no code point sorts after it.
_AFTER = "U&'\\+10FFFF'"


def _prefix(column: str, parameter: str) -> str:
    """Give SQL that an index with text_pattern_ops serves, also in a generic plan."""
    return f"({column} ~>=~ {parameter} AND {column} ~<~ ({parameter} || {_AFTER}))"


# $1 prefix in lower case, $2 viewer, $3 only whom the viewer follows, $4 limit, $5 offset,
# $6 prefix of a domain, or NULL: then $1 is also looked for in display names, and where a domain
# is given $1 must be the whole user name. Whom one follows first, then those with most followers.
SEARCH_ACCOUNTS = Query(
    f"""
    SELECT 0::bigint AS cursor, a.id, a.xmin::text::bigint AS version FROM (
        (SELECT n.id FROM accounts n
         WHERE {_prefix("lower(n.username)", "$1::text")}
           AND ($6::text IS NULL OR (lower(n.username) = $1 AND starts_with(n.domain, $6)))
         LIMIT {_CANDIDATES})
        UNION
        (SELECT n.id FROM accounts n
         WHERE $6::text IS NULL AND {_prefix("lower(n.display_name)", "$1::text")}
         LIMIT {_CANDIDATES})
        UNION
        (SELECT n.id FROM follows f JOIN accounts n ON n.id = f.target_id
         WHERE f.account_id = $2::bigint AND f.accepted_at IS NOT NULL AND $6::text IS NULL
           AND (starts_with(lower(n.username), $1) OR starts_with(lower(n.display_name), $1))
         ORDER BY f.id DESC LIMIT {_CANDIDATES})
    ) found
    JOIN accounts a ON a.id = found.id
    LEFT JOIN follows f ON f.account_id = $2 AND f.target_id = a.id AND f.accepted_at IS NOT NULL
    WHERE a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND (a.silenced_at IS NULL OR f.id IS NOT NULL)
      AND (NOT $3::boolean OR f.id IS NOT NULL)
      AND NOT EXISTS (
          SELECT 1 FROM blocks b WHERE b.account_id = a.id AND b.target_id = $2)
    ORDER BY f.id IS NULL, lower(a.username) <> $1, a.domain IS NOT NULL,
        a.followers_count DESC, a.id
    LIMIT $4 OFFSET $5
    """,
    AccountHeadRow,
)


class TagRow(msgspec.Struct, frozen=True, gc=False):
    """A hashtag: `name` in lower case, `display_name` as it was first written."""

    id: int
    name: str
    display_name: str


# $1 prefix in lower case, $2 limit, $3 offset.
SEARCH_TAGS = Value(
    f"""
    SELECT t.id FROM tags t
    WHERE {_prefix("t.name", "$1::text")}
    ORDER BY t.name USING ~<~ LIMIT $2 OFFSET $3
    """,
    int,
)

# $1 words, $2 limit, $3 offset, $4 viewer, $5 only of this account or NULL, $6 below this id,
# $7 above this id. Looked through are the newest statuses that the viewer wrote, favourited,
# bookmarked or was mentioned in. (The parser knows HTML tags, and 'simple' leaves them out.)
SEARCH_STATUSES = Query(
    head_query(
        f"""(
            (SELECT id FROM statuses WHERE account_id = $4 AND reblog_of_id IS NULL
             ORDER BY id DESC LIMIT {_OWN_CIRCLE})
            UNION
            (SELECT status_id FROM favourites WHERE account_id = $4
             ORDER BY id DESC LIMIT {_OWN_CIRCLE})
            UNION
            (SELECT status_id FROM bookmarks WHERE account_id = $4
             ORDER BY id DESC LIMIT {_OWN_CIRCLE})
            UNION
            (SELECT status_id FROM mentions WHERE account_id = $4
             ORDER BY status_id DESC LIMIT {_OWN_CIRCLE})
        ) mine JOIN statuses s ON s.id = mine.id""",
        """s.id < $6 AND s.id > $7 AND ($5::bigint IS NULL OR s.account_id = $5)
        AND to_tsvector('simple', s.spoiler_text || ' ' || s.content)
            @@ plainto_tsquery('simple', $1)
        ORDER BY s.id DESC LIMIT $2 OFFSET $3""",
    ),
    HeadRow,
)

"""Filters of what a person does not want to read, with their keywords and statuses."""

from datetime import datetime
from typing import Any

import msgspec

from storage.query import Command, Query, Value


class FilterRow(msgspec.Struct, frozen=True):
    """A filter. `keywords` are [{id, keyword, whole_word}], `statuses` [{id, status_id}], both in
    the order they were made."""

    id: int
    title: str
    contexts: list[str]
    action: str
    expires_at: datetime | None
    keywords: list[dict[str, Any]]
    statuses: list[dict[str, Any]]


_COLUMNS = """f.id, f.title, f.contexts, f.action, f.expires_at,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', k.id, 'keyword', k.keyword, 'whole_word', k.whole_word) ORDER BY k.id), '[]')
     FROM filter_keywords k WHERE k.filter_id = f.id) AS keywords,
    (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'id', x.id, 'status_id', x.status_id) ORDER BY x.id), '[]')
     FROM filter_statuses x WHERE x.filter_id = f.id) AS statuses"""

FILTERS_OF = Query(
    f"SELECT {_COLUMNS} FROM filters f WHERE f.account_id = $1 ORDER BY f.id", FilterRow
)


class OwnedFilterRow(FilterRow, frozen=True):
    """A filter, and whose it is."""

    account_id: int


FILTERS_OF_ALL = Query(
    f"""
    SELECT {_COLUMNS}, f.account_id FROM filters f
    WHERE f.account_id = ANY($1::bigint[]) ORDER BY f.id
    """,
    OwnedFilterRow,
)
# $1 filter, $2 owner.
OWN_FILTER = Query(
    f"SELECT {_COLUMNS} FROM filters f WHERE f.id = $1 AND f.account_id = $2", FilterRow
)
# $1 keyword, $2 owner.
FILTER_OF_KEYWORD = Query(
    f"""
    SELECT {_COLUMNS} FROM filters f
    WHERE f.account_id = $2
      AND f.id = (SELECT k.filter_id FROM filter_keywords k WHERE k.id = $1)
    """,
    FilterRow,
)
# $1 filtered status (the row of the filter), $2 owner.
FILTER_OF_STATUS = Query(
    f"""
    SELECT {_COLUMNS} FROM filters f
    WHERE f.account_id = $2
      AND f.id = (SELECT x.filter_id FROM filter_statuses x WHERE x.id = $1)
    """,
    FilterRow,
)
COUNT_FILTERS = Value("SELECT count(*) FROM filters WHERE account_id = $1", int)
COUNT_KEYWORDS = Value(
    """
    SELECT count(*) FROM filter_keywords k JOIN filters f ON f.id = k.filter_id
    WHERE f.account_id = $1
    """,
    int,
)
# Requests that change one person's filters at once wait for each other.
LOCK_FILTERS = Value("SELECT account_id FROM users WHERE account_id = $1 FOR NO KEY UPDATE", int)
# $1 id, $2 owner, $3 title, $4 contexts, $5 action, $6 expiry, $7 now.
INSERT_FILTER = Command(
    """
    INSERT INTO filters (id, account_id, title, contexts, action, expires_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
)
# $1 id, then as above.
UPDATE_FILTER = Command(
    "UPDATE filters SET title = $2, contexts = $3, action = $4, expires_at = $5 WHERE id = $1"
)
DELETE_FILTER = Command("DELETE FROM filters WHERE id = $1 AND account_id = $2")
# $1 filter; arrays of $2 ids, $3 keywords, $4 whole words.
PUT_KEYWORDS = Command(
    """
    INSERT INTO filter_keywords (id, filter_id, keyword, whole_word)
    SELECT n.id, $1, n.keyword, n.whole_word
    FROM unnest($2::bigint[], $3::text[], $4::boolean[]) AS n (id, keyword, whole_word)
    ON CONFLICT (id) DO UPDATE
        SET keyword = excluded.keyword, whole_word = excluded.whole_word
    """
)
# $1 filter, $2 keywords of it.
DELETE_KEYWORDS = Command(
    "DELETE FROM filter_keywords WHERE filter_id = $1 AND id = ANY($2::bigint[])"
)
# $1 id, $2 filter, $3 status.
INSERT_FILTER_STATUS = Command(
    """
    INSERT INTO filter_statuses (id, filter_id, status_id) VALUES ($1, $2, $3)
    ON CONFLICT (filter_id, status_id) DO NOTHING
    """
)
DELETE_FILTER_STATUS = Command("DELETE FROM filter_statuses WHERE id = $1")

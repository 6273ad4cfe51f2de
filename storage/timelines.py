"""Timelines and other pages of statuses: each page is one query that gives its heads."""

from storage.languages import in_other_language
from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.status_reads import HeadRow, head_query
from storage.visibility import unwanted

HOME_ENTRIES = 400

_BOUNDS = "s.id < $1 AND s.id > $2"
_ORDER = "ORDER BY s.id {direction} LIMIT $3"
# The partial indexes statuses_public and statuses_public_local have these conditions.
_PUBLIC = """s.visibility = 'public' AND s.reblog_of_id IS NULL
    AND (s.in_reply_to_account_id IS NULL OR s.in_reply_to_account_id = s.account_id)"""
_HAS_MEDIA = "EXISTS (SELECT 1 FROM media_attachments tm WHERE tm.status_id = s.id OFFSET 0)"
_BOOST_WANTED = f"""(s.reblog_of_id IS NULL OR NOT {unwanted("r.account_id", "$4::bigint")})"""
_WANTED = f"""NOT {unwanted("s.account_id", "$4::bigint")}
    AND {_BOOST_WANTED}"""
# Whom one follows is there although their domain is blocked: the follow is the later word.
_WANTED_AT_HOME = f"""NOT {unwanted("s.account_id", "$4::bigint", domains=False)}
    AND {_BOOST_WANTED}"""

# Members of an exclusive list are read there. Whoever has no such list is asked once.
_NOT_EXCLUSIVE = """(NOT (SELECT EXISTS (
        SELECT 1 FROM lists xl WHERE xl.account_id = $4 AND xl.exclusive))
    OR NOT EXISTS (
        SELECT 1 FROM list_accounts xm JOIN lists xl ON xl.id = xm.list_id
        WHERE xm.account_id = s.account_id AND xl.account_id = $4 AND xl.exclusive
          AND xm.account_id <> $4 OFFSET 0))"""

# $4 whose. Empty while the timeline has to be built first.
HOME: Paged[HeadRow] = paged(
    head_query(
        "home_entries h JOIN statuses s ON s.id = h.status_id",
        f"""h.account_id = $4 AND h.status_id < $1 AND h.status_id > $2
        AND (SELECT u.home_built_at FROM users u WHERE u.account_id = $4) IS NOT NULL
        AND {_WANTED_AT_HOME} AND {_NOT_EXCLUSIVE}
        ORDER BY h.status_id {{direction}} LIMIT $3""",
    ),
    HeadRow,
)
HOME_IS_BUILT = Value(
    "SELECT u.home_built_at IS NOT NULL FROM users u WHERE u.account_id = $1", bool
)
MARK_HOME_BUILT = Command("UPDATE users SET home_built_at = $2 WHERE account_id = $1")

# The newest posts of $1 and of whom $1 follows. The newest of all can only come from the authors
# who posted last, so the work does not grow with the number of follows nor of statuses. The rules
# are those of storage.fan_out.FAN_OUT; of a post and its boosts the first is kept.
REBUILD_HOME = Command(
    f"""
    WITH authors AS (
        SELECT $1::bigint AS id, true AS own, true AS show_reblogs,
            NULL::text[] AS languages
        UNION ALL
        (SELECT f.target_id, false, f.show_reblogs, f.languages
         FROM follows f JOIN accounts a ON a.id = f.target_id
         WHERE f.account_id = $1 AND f.accepted_at IS NOT NULL AND a.last_status_id IS NOT NULL
         ORDER BY a.last_status_id DESC LIMIT {HOME_ENTRIES})
    ), posts AS (
        SELECT p.id, p.shown_id
        FROM authors CROSS JOIN LATERAL (
            SELECT s.id, coalesce(s.reblog_of_id, s.id) AS shown_id
            FROM statuses s LEFT JOIN statuses r ON r.id = s.reblog_of_id
            WHERE s.account_id = authors.id AND NOT s.withheld
              AND (authors.own OR (
                (s.reblog_of_id IS NULL OR (authors.show_reblogs AND NOT EXISTS (
                    SELECT 1 FROM blocks b
                    WHERE (b.account_id = $1 AND b.target_id = r.account_id)
                       OR (b.account_id = r.account_id AND b.target_id = $1))))
                AND NOT {in_other_language("authors", "s")}
                AND (s.visibility <> 'direct' OR EXISTS (
                    SELECT 1 FROM mentions m WHERE m.status_id = s.id AND m.account_id = $1))
                AND (s.in_reply_to_account_id IS NULL
                     OR s.in_reply_to_account_id IN (s.account_id, $1)
                     OR EXISTS (
                        SELECT 1 FROM follows rf
                        WHERE rf.account_id = $1 AND rf.target_id = s.in_reply_to_account_id
                          AND rf.accepted_at IS NOT NULL))))
            ORDER BY s.id DESC LIMIT 40
        ) p
        UNION ALL
        SELECT t.status_id, t.status_id
        FROM tag_follows tf CROSS JOIN LATERAL (
            SELECT st.status_id FROM status_tags st JOIN statuses s ON s.id = st.status_id
            WHERE st.tag_id = tf.tag_id AND s.visibility = 'public'
              AND NOT {unwanted("s.account_id", "$1::bigint")}
            ORDER BY st.status_id DESC LIMIT 40
        ) t WHERE tf.account_id = $1
    )
    INSERT INTO home_entries (account_id, status_id)
    SELECT $1, id FROM (
        SELECT DISTINCT ON (shown_id) id FROM posts ORDER BY shown_id, id
    ) first_shown
    ORDER BY id DESC LIMIT {HOME_ENTRIES}
    ON CONFLICT DO NOTHING
    """
)


def _public(extra: str) -> Paged[HeadRow]:
    """$4 viewer, $5 only with media."""
    return paged(
        head_query(
            "statuses s",
            f"""{_BOUNDS} AND {_PUBLIC} {extra} AND a.silenced_at IS NULL
            AND (NOT $5::boolean OR {_HAS_MEDIA}) AND {_WANTED} {_ORDER}""",
        ),
        HeadRow,
    )


PUBLIC = _public("")
PUBLIC_LOCAL = _public("AND s.local")
PUBLIC_REMOTE = _public("AND NOT s.local")

# $4 viewer, $5 names of which one must be there, $6 names that all must, $7 names that must not,
# $8 only with media, $9 local: true, false or NULL for both. Names are distinct, in lower case.
# Every tag gives at most a page; the page is the newest of these.
TAG: Paged[HeadRow] = paged(
    head_query(
        f"""(SELECT DISTINCT e.status_id FROM tags t CROSS JOIN LATERAL (
            SELECT st.status_id
            FROM status_tags st JOIN statuses s ON s.id = st.status_id
            JOIN accounts a ON a.id = s.account_id
            WHERE st.tag_id = t.id AND st.status_id < $1 AND st.status_id > $2
              AND s.visibility = 'public' AND s.reblog_of_id IS NULL
              AND a.silenced_at IS NULL AND a.suspended_at IS NULL AND a.deleted_at IS NULL
              AND ($9::boolean IS NULL OR s.local = $9)
              AND (NOT $8::boolean OR {_HAS_MEDIA})
              AND (cardinality($6::text[]) = 0 OR cardinality($6) = (
                  SELECT count(*) FROM status_tags ta JOIN tags tn ON tn.id = ta.tag_id
                  WHERE ta.status_id = st.status_id AND tn.name = ANY($6)))
              AND (cardinality($7::text[]) = 0 OR NOT EXISTS (
                  SELECT 1 FROM status_tags ta JOIN tags tn ON tn.id = ta.tag_id
                  WHERE ta.status_id = st.status_id AND tn.name = ANY($7) OFFSET 0))
              AND NOT {unwanted("s.account_id", "$4::bigint")}
            ORDER BY st.status_id {{direction}} LIMIT $3) e
         WHERE t.name = ANY($5::text[])) tagged
        JOIN statuses s ON s.id = tagged.status_id""",
        f"true {_ORDER}",
    ),
    HeadRow,
)

# $4 viewer, $5 author, $6 only with media, $7 without replies to others, $8 without boosts,
# $9 only with this tag, or NULL.
ACCOUNT_STATUSES: Paged[HeadRow] = paged(
    head_query(
        "statuses s",
        f"""s.account_id = $5 AND {_BOUNDS}
        AND (NOT $6::boolean OR {_HAS_MEDIA})
        AND (NOT $7::boolean OR s.in_reply_to_account_id IS NULL
             OR s.in_reply_to_account_id = s.account_id)
        AND (NOT $8::boolean OR s.reblog_of_id IS NULL)
        AND ($9::text IS NULL OR EXISTS (
            SELECT 1 FROM status_tags ta JOIN tags tn ON tn.id = ta.tag_id
            WHERE ta.status_id = s.id AND tn.name = $9 OFFSET 0))
        AND {_BOOST_WANTED}
        {_ORDER}""",
    ),
    HeadRow,
)
# $1 author, $2 viewer.
PINNED_STATUSES = Query(
    head_query(
        "statuses s",
        "s.account_id = $1 AND s.pinned_at IS NOT NULL ORDER BY s.pinned_at DESC LIMIT 20",
        viewer="$2",
    ),
    HeadRow,
)


def _reactions(table: str) -> Paged[HeadRow]:
    """$4 whose."""
    return paged(
        head_query(
            f"{table} x JOIN statuses s ON s.id = x.status_id",
            """x.account_id = $4 AND x.id < $1 AND x.id > $2
            ORDER BY x.id {direction} LIMIT $3""",
            cursor="x.id",
        ),
        HeadRow,
    )


BOOKMARKED_STATUSES = _reactions("bookmarks")
FAVOURITED_STATUSES = _reactions("favourites")

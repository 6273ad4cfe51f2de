"""Search in what is known here: people, hashtags, and statuses that the viewer may find.

Every query looks at a bounded number of rows, whatever the tables hold.
"""

from storage.account_reads import AccountHeadRow
from storage.query import Query, Value
from storage.status_reads import HeadRow, head_query
from storage.visibility import unwanted, visible

_CANDIDATES = 500

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


# $1 prefix in lower case, $2 limit, $3 offset.
SEARCH_TAGS = Value(
    f"""
    SELECT t.id FROM tags t
    WHERE {_prefix("t.name", "$1::text")}
    ORDER BY t.name USING ~<~ LIMIT $2 OFFSET $3
    """,
    int,
)

# How PostgreSQL finds stems: in all of these a word of a search may have been written.
_STEMMERS = """arabic armenian basque catalan danish dutch english finnish french german greek hindi
    hungarian indonesian irish italian lithuanian nepali norwegian portuguese romanian russian
    serbian spanish swedish tamil turkish yiddish""".split()

# What is asked for as a tsquery: NULL where none of the words is one, empty where no words were
# given. A word is found as it is written, or by its stem; several that
# stand together, in a phrase or without blanks between them, only together.
_ASKED = f"""
    SELECT coalesce(string_agg(part, ' & ')::tsquery,
        CASE WHEN cardinality($5::text[]) = 0 THEN ''::tsquery END) AS query FROM (
        SELECT CASE WHEN w.wanted THEN '(' ELSE '!(' END || meant.one_of || ')' AS part
        FROM unnest($5::text[], $6::boolean[], $7::boolean[]) AS w (word, wanted, phrase)
        CROSS JOIN LATERAL (SELECT concat_ws(' | ',
            nullif(phraseto_tsquery('simple', search_text(w.word))::text, ''),
            CASE WHEN NOT w.phrase THEN (
                SELECT string_agg(DISTINCT format('%L', '|stem|' || stems[1]), ' | ')
                FROM unnest('{{{",".join(_STEMMERS)}}}'::regconfig[]) AS stemmer
                CROSS JOIN LATERAL tsvector_to_array(to_tsvector(stemmer, w.word)) AS stems
                WHERE cardinality(stems) = 1 AND stems[1] !~ '[\\\\'']'
            ) END) AS one_of OFFSET 0) meant
        WHERE meant.one_of <> ''
        UNION ALL
        SELECT CASE WHEN m.wanted THEN '' ELSE '!' END || format('%L', m.mark)
        FROM unnest($8::text[], $9::boolean[]) AS m (mark, wanted)
    ) parts"""

# The marks of the circles that are asked, in one bucket.
_CIRCLES = """concat_ws(' | ',
        CASE WHEN $10::boolean THEN format('%L', search_circle(NULL, b.bucket)) END,
        CASE WHEN $11::boolean THEN format('%L', search_circle($4, b.bucket)) END)::tsquery"""

# Whether the status still belongs to what the viewer $4 did something with.
_IN_LIBRARY = """(s.account_id = $4
    OR EXISTS (SELECT 1 FROM favourites lf
               WHERE lf.account_id = $4 AND lf.status_id = s.id OFFSET 0)
    OR EXISTS (SELECT 1 FROM bookmarks lb
               WHERE lb.account_id = $4 AND lb.status_id = s.id OFFSET 0)
    OR EXISTS (SELECT 1 FROM mentions lm
               WHERE lm.account_id = $4 AND lm.status_id = s.id OFFSET 0)
    OR EXISTS (SELECT 1 FROM statuses lr
               WHERE lr.account_id = $4 AND lr.reblog_of_id = s.id OFFSET 0)
    OR EXISTS (SELECT 1 FROM poll_votes lv JOIN polls lp ON lp.id = lv.poll_id
               WHERE lv.account_id = $4 AND lp.status_id = s.id OFFSET 0))"""
_FOR_EVERYBODY = f"""(s.visibility = 'public' AND EXISTS (
        SELECT 1 FROM accounts fa WHERE fa.id = s.account_id AND fa.indexable OFFSET 0)
    AND NOT {unwanted("s.account_id", "$4::bigint")})"""


def _findable(near: str) -> str:
    """Give SQL for those of `near` (status_id, owner_id) that the viewer may find, each once."""
    return f"""
        SELECT DISTINCT s.id AS status_id FROM (
            {near} AND near.status_id + 0 < $1 AND near.status_id + 0 > $2
            ORDER BY near.status_id + 0 DESC LIMIT 200 + 2 * $3::int
        ) near JOIN statuses s ON s.id = near.status_id
        WHERE CASE WHEN near.owner_id IS NULL THEN {_FOR_EVERYBODY} ELSE {_IN_LIBRARY}
            AND NOT ($10 AND EXISTS (
                SELECT 1 FROM search_documents p
                WHERE p.status_id = s.id AND p.owner_id IS NULL)) END
          AND {visible("s", "$4::bigint")}
        ORDER BY s.id DESC LIMIT $3"""


# Most searches are for words that the newest have.
_AMONG_NEWEST = _findable(
    """SELECT near.status_id, near.owner_id FROM newest near
            WHERE CASE WHEN near.owner_id IS NULL THEN $10 ELSE $11 AND near.owner_id = $4 END
              AND (near.words @@ (SELECT query FROM asked)
                   OR (SELECT numnode(query) = 0 FROM asked))"""
)
_IN_BUCKET = _findable(
    f"""SELECT near.status_id, near.owner_id FROM search_documents near
            WHERE near.words @@ ({_CIRCLES} && (SELECT query FROM asked))
              AND near.place + 0 < (SELECT min(place) FROM newest)"""
)

# $1 below this id, $2 above this id, $3 how many with those before, $4 viewer, arrays of $5 words
# and phrases, $6 whether each must be there or must not, $7 whether it is a phrase; arrays of
# $8 marks, $9 whether each must be there; $10 search what everybody may find, $11 the viewer's
# library, $12 how many to leave out. The newest documents are walked through; then the buckets are
# asked, from the newest on (see the migration that made search_documents). Each gives its newest,
# until there are enough. The sums keep the planner from reading more than the words ask for, by
# another index.
SEARCH_STATUSES = Query(
    f"""
    WITH asked AS MATERIALIZED ({_ASKED}), newest AS MATERIALIZED (
        SELECT place, status_id, owner_id, words FROM search_documents
        ORDER BY place DESC LIMIT {_CANDIDATES}
    )"""
    + head_query(
        f"""(
            (SELECT first.status_id FROM ({_AMONG_NEWEST}) first)
            UNION ALL
            (SELECT found.status_id FROM (
                SELECT g AS bucket
                FROM generate_series((
                    SELECT search_bucket(min(place)) FROM newest), 0, -1) AS g
             ) b CROSS JOIN LATERAL ({_IN_BUCKET}) found)
            LIMIT $3) hits
        JOIN statuses s ON s.id = hits.status_id""",
        "true ORDER BY s.id DESC LIMIT $3 OFFSET $12::int",
    ),
    HeadRow,
)

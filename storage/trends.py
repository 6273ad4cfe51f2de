"""What is talked about: computed from public posts of the last days, reviewed by moderators."""

from dataclasses import dataclass
from typing import Any

from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.status_reads import HeadRow, head_query
from storage.visibility import unwanted

_KEPT = 500
_TAG_DAYS = 7

# One process at a time: who sets the next time makes them. $1 now, $2 the next time.
CLAIM_TRENDS = Value("UPDATE trend_runs SET due_at = $2 WHERE due_at <= $1 RETURNING true", bool)

_LOUD = """s.visibility = 'public' AND s.reblog_of_id IS NULL
    AND a.suspended_at IS NULL AND a.deleted_at IS NULL AND a.silenced_at IS NULL"""


def _kept(kind: str, ranked: str, language: str = "NULL::text") -> Command:
    """Give the command that puts the best of `ranked` (SQL for id, language and score) in the place
    of what trended before."""
    return Command(
        f"""
        WITH ranked AS ({ranked}), fresh AS (
            SELECT id, {language} AS language, score FROM ranked ORDER BY score DESC LIMIT {_KEPT}
        ), gone AS (
            DELETE FROM trends t WHERE t.kind = '{kind}'
              AND NOT EXISTS (SELECT 1 FROM fresh f WHERE f.id = t.subject_id)
        )
        INSERT INTO trends (kind, subject_id, score, language)
        SELECT '{kind}', id, score, language FROM fresh
        ON CONFLICT (kind, subject_id) DO UPDATE SET score = excluded.score,
            language = excluded.language
        """
    )


def _unusual(uses: str, subject: str, rest: str = "true") -> str:
    """Give SQL for what more people use in a day than usually: rows of the table `uses` name a
    status and a `subject`. $1 is the first id of the last day, $2 that of the days before it that
    are compared with, $3 how many people must use it. The score is Pearson's: how far today is
    from the usual."""
    return f"""
        SELECT id, (seen - usual) * (seen - usual) / usual AS score FROM (
            SELECT u.{subject} AS id,
                count(DISTINCT s.account_id) FILTER (WHERE u.status_id >= $1) AS seen,
                greatest(1.0, count(DISTINCT s.account_id) FILTER (WHERE u.status_id < $1)
                              / {_TAG_DAYS - 1}.0) AS usual
            FROM {uses} u JOIN statuses s ON s.id = u.status_id
            JOIN accounts a ON a.id = s.account_id
            WHERE u.status_id >= $2 AND {_LOUD} AND {rest} GROUP BY 1
        ) counted WHERE seen >= $3 AND seen > usual"""


COUNT_TAGS = _kept("tag", _unusual("status_tags", "tag_id"))
COUNT_LINKS = _kept(
    "link",
    f"""SELECT p.id, p.language, n.score
        FROM ({_unusual("status_cards", "card_id", "NOT s.sensitive")}) n
        JOIN preview_cards p ON p.id = n.id WHERE p.shown""",
    "language",
)
# $1 the first id that counts, $2 now, $3 how many favourites and boosts a post must have. What is
# older must have more: half as much counts after six hours.
COUNT_STATUSES = _kept(
    "status",
    f"""SELECT s.id, s.language, (s.reblogs_count + s.favourites_count)
            * power(0.5, extract(epoch FROM $2 - s.created_at) / 21600.0) AS score
        FROM statuses s JOIN accounts a ON a.id = s.account_id
        WHERE s.id >= $1 AND {_LOUD} AND s.in_reply_to_uri IS NULL AND NOT s.sensitive
          AND s.spoiler_text = '' AND a.discoverable
          AND (s.in_reply_to_account_id IS NULL OR s.in_reply_to_account_id = s.account_id)
          AND s.reblogs_count + s.favourites_count >= $3""",
    "language",
)


def _allowed(kind: str, subject: str, unreviewed: str, author: str = "") -> str:
    """Give SQL for whether something may be shown; the word on it goes before that on its author,
    and without one `unreviewed` decides."""
    on_author = (
        f"""(SELECT v.allowed FROM trend_reviews v
             WHERE v.kind = 'account' AND v.subject_id = {author}),"""
        if author
        else ""
    )
    return f"""coalesce(
        (SELECT v.allowed FROM trend_reviews v
         WHERE v.kind = '{kind}' AND v.subject_id = {subject}), {on_author} {unreviewed})"""


# $1 limit, $2 offset, $3 whether what nobody reviewed is shown.
TRENDING_TAGS = Value(
    f"""
    SELECT t.subject_id FROM trends t JOIN tags g ON g.id = t.subject_id
    WHERE t.kind = 'tag' AND {_allowed("tag", "t.subject_id", "$3::boolean")}
    ORDER BY t.score DESC, t.subject_id LIMIT $1 OFFSET $2
    """,
    int,
)
# $1 limit, $2 offset, $3 whether what nobody reviewed is shown, $4 viewer, $5 the languages that
# the viewer reads, or NULL: those come first.
TRENDING_STATUSES = Query(
    head_query(
        "trends t JOIN statuses s ON s.id = t.subject_id",
        f"""t.kind = 'status'
        AND {_allowed("status", "t.subject_id", "$3::boolean", "s.account_id")}
        AND ($4::bigint IS NULL OR NOT {unwanted("s.account_id", "$4::bigint")})
        ORDER BY ($5::text[] IS NOT NULL AND NOT t.language = ANY ($5)), t.score DESC, s.id
        LIMIT $1 OFFSET $2""",
    ),
    HeadRow,
)


@dataclass(frozen=True, slots=True)
class TrendingLinkRow:
    """A page that people link to: its card (CardRow's names) and a week of use, as tags have it."""

    card: dict[str, Any]
    history: list[Any]


# $1 limit, $2 offset, $3 whether what nobody reviewed is shown, $4 the smallest id that counts.
TRENDING_LINKS = Query(
    f"""
    SELECT to_jsonb(p) AS card, coalesce((
            SELECT jsonb_agg(jsonb_build_object(
                'day', d.day, 'uses', d.uses, 'accounts', d.accounts))
            FROM (
                SELECT (c.status_id >> 16) / 86400000 AS day, count(*) AS uses,
                    count(DISTINCT s.account_id) AS accounts
                FROM status_cards c JOIN statuses s ON s.id = c.status_id
                WHERE c.card_id = p.id AND c.status_id > $4 AND s.visibility = 'public'
                GROUP BY 1
            ) d
        ), '[]') AS history
    FROM trends t JOIN preview_cards p ON p.id = t.subject_id
    WHERE t.kind = 'link' AND p.shown AND {_allowed("link", "t.subject_id", "$3::boolean")}
    ORDER BY t.score DESC, t.subject_id LIMIT $1 OFFSET $2
    """,
    TrendingLinkRow,
)
LINK_MAY_TREND = Value(
    f"""
    SELECT p.id FROM preview_cards p JOIN trends t ON t.kind = 'link' AND t.subject_id = p.id
    WHERE p.url = $1 AND {_allowed("link", "p.id", "$2::boolean")}
    """,
    int,
)
# $4 viewer, $5 the card.
LINK_TIMELINE: Paged[HeadRow] = paged(
    head_query(
        "status_cards lc JOIN statuses s ON s.id = lc.status_id",
        f"""lc.card_id = $5 AND s.id < $1 AND s.id > $2 AND s.visibility = 'public'
        AND a.discoverable AND a.silenced_at IS NULL
        AND ($4::bigint IS NULL OR NOT {unwanted("s.account_id", "$4::bigint")})
        ORDER BY s.id {{direction}} LIMIT $3""",
    ),
    HeadRow,
)


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """Something that trends, for moderators."""

    kind: str
    id: int
    score: float
    text: str
    by: str
    allowed: bool | None


# $1 kind or NULL.
TRENDS_TO_REVIEW = Query(
    """
    SELECT t.kind, t.subject_id AS id, t.score,
        coalesce('#' || g.display_name, s.url, p.url, '') AS text,
        coalesce(a.username || coalesce('@' || a.domain, ''), '') AS by,
        coalesce(v.allowed, va.allowed) AS allowed
    FROM trends t
    LEFT JOIN tags g ON t.kind = 'tag' AND g.id = t.subject_id
    LEFT JOIN statuses s ON t.kind = 'status' AND s.id = t.subject_id
    LEFT JOIN preview_cards p ON t.kind = 'link' AND p.id = t.subject_id
    LEFT JOIN accounts a ON a.id = s.account_id
    LEFT JOIN trend_reviews v ON v.kind = t.kind AND v.subject_id = t.subject_id
    LEFT JOIN trend_reviews va ON va.kind = 'account' AND va.subject_id = s.account_id
    WHERE $1::text IS NULL OR t.kind = $1
    ORDER BY t.kind, t.score DESC LIMIT 200
    """,
    ReviewRow,
)
PUT_REVIEW = Command(
    """
    INSERT INTO trend_reviews (kind, subject_id, allowed, reviewed_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, subject_id) DO UPDATE SET allowed = excluded.allowed,
        reviewed_at = excluded.reviewed_at
    """
)
LINK_ID = Value("SELECT id FROM preview_cards WHERE url = $1", int)
STATUS_ID = Value("SELECT id FROM statuses WHERE id = $1", int)
PEER_ACCOUNT_ID = Value(
    "SELECT id FROM accounts WHERE lower(username) = lower($1) AND domain = $2 ORDER BY id LIMIT 1",
    int,
)

"""A year of a person: what they posted, what of it was liked, whom they talked with."""

from dataclasses import dataclass
from typing import Any

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class AnnualReportRow:
    """A report that was made."""

    year: int
    data: dict[str, Any]
    read: bool


ANNUAL_REPORTS = Query(
    """
    SELECT year, data, read_at IS NOT NULL AS read FROM annual_reports
    WHERE account_id = $1 AND ($2::integer IS NULL OR year = $2) ORDER BY year DESC
    """,
    AnnualReportRow,
)
READ_ANNUAL_REPORT = Command(
    """
    UPDATE annual_reports SET read_at = coalesce(read_at, $3) WHERE account_id = $1 AND year = $2
    """
)
# $1 who, $2 and $3 the first ids of the year and of the next: ids tell the time.
POSTED_IN_YEAR = Value(
    """
    SELECT EXISTS (SELECT 1 FROM statuses s WHERE s.account_id = $1 AND s.id >= $2 AND s.id < $3)
    """,
    bool,
)
# $1 who, $2 and $3 the first ids of the year and of the next, $4 the year, $5 now. All figures are
# those of Mastodon's report (schema version 2, with what version 1 had beside it).
MAKE_ANNUAL_REPORT = Command(
    """
    WITH mine AS (
        SELECT s.id, s.reblog_of_id, s.in_reply_to_account_id, s.visibility, s.application_id,
            s.reblogs_count, s.favourites_count, s.replies_count,
            extract(month FROM to_timestamp((s.id >> 16) / 1000.0) AT TIME ZONE 'UTC')::int
                AS month
        FROM statuses s WHERE s.account_id = $1 AND s.id >= $2 AND s.id < $3
    ), own AS (
        SELECT * FROM mine WHERE reblog_of_id IS NULL AND visibility IN ('public', 'unlisted')
    ), kinds AS (
        SELECT count(*) AS total, count(*) FILTER (WHERE m.reblog_of_id IS NOT NULL) AS reblogs,
            count(*) FILTER (WHERE m.in_reply_to_account_id <> $1) AS replies,
            count(*) FILTER (WHERE m.reblog_of_id IS NULL
                AND (m.in_reply_to_account_id IS NULL OR m.in_reply_to_account_id = $1))
                AS standalone,
            count(p.id) AS polls
        FROM mine m LEFT JOIN polls p ON p.status_id = m.id
    ), months AS (
        SELECT jsonb_agg(jsonb_build_object('month', n.month,
            'statuses', (SELECT count(*) FROM mine WHERE mine.month = n.month),
            'following', (SELECT count(*) FROM follows f WHERE f.account_id = $1
                AND extract(year FROM f.created_at AT TIME ZONE 'UTC') = $4
                AND extract(month FROM f.created_at AT TIME ZONE 'UTC') = n.month),
            'followers', (SELECT count(*) FROM follows f WHERE f.target_id = $1
                AND extract(year FROM f.created_at AT TIME ZONE 'UTC') = $4
                AND extract(month FROM f.created_at AT TIME ZONE 'UTC') = n.month))
            ORDER BY n.month) AS series
        FROM generate_series(1, 12) AS n (month)
    ), tagged AS (
        SELECT jsonb_agg(jsonb_build_object('name', x.name, 'count', x.uses)
            ORDER BY x.uses DESC, x.name) AS top
        FROM (SELECT t.display_name AS name, count(*) AS uses
              FROM own JOIN status_tags st ON st.status_id = own.id JOIN tags t ON t.id = st.tag_id
              GROUP BY t.id ORDER BY uses DESC, t.name LIMIT 40) x
    ), talked AS (
        SELECT jsonb_agg(jsonb_build_object('account_id', x.id::text, 'count', x.times)
            ORDER BY x.times DESC) AS top
        FROM (SELECT in_reply_to_account_id AS id, count(*) AS times FROM mine
              WHERE in_reply_to_account_id <> $1 GROUP BY 1 HAVING count(*) > 1
              ORDER BY times DESC, 1 LIMIT 40) x
    ), boosted AS (
        SELECT jsonb_agg(jsonb_build_object('account_id', x.id::text, 'count', x.times)
            ORDER BY x.times DESC) AS top
        FROM (SELECT r.account_id AS id, count(*) AS times
              FROM mine JOIN statuses r ON r.id = mine.reblog_of_id
              GROUP BY 1 HAVING count(*) > 1 ORDER BY times DESC, 1 LIMIT 10) x
    ), apps AS (
        SELECT jsonb_agg(jsonb_build_object('name', x.name, 'count', x.uses)
            ORDER BY x.uses DESC) AS top
        FROM (SELECT o.name, count(*) AS uses
              FROM mine JOIN oauth_applications o ON o.id = mine.application_id
              GROUP BY o.name ORDER BY uses DESC, o.name LIMIT 10) x
    ), place AS (
        SELECT 100.0 * count(*) FILTER (WHERE a.statuses_count < me.statuses_count)
            / greatest(1, count(*)) AS percent
        FROM users u JOIN accounts a ON a.id = u.account_id CROSS JOIN accounts me
        WHERE me.id = $1
    )
    INSERT INTO annual_reports (account_id, year, data, made_at)
    SELECT $1, $4, jsonb_build_object(
        'archetype', CASE
            WHEN k.standalone < 113 AND k.total < 113 THEN 'lurker'
            WHEN k.reblogs > k.standalone * 2 THEN 'booster'
            WHEN k.polls > k.standalone * 0.1 THEN 'pollster'
            WHEN k.replies > k.standalone * 2 THEN 'replier'
            ELSE 'oracle' END,
        'type_distribution', jsonb_build_object('total', k.total, 'reblogs', k.reblogs,
            'replies', k.replies, 'standalone', k.standalone),
        'top_statuses', jsonb_build_object(
            'by_reblogs', (SELECT id::text FROM own WHERE reblogs_count > 0
                           ORDER BY reblogs_count DESC, id LIMIT 1),
            'by_favourites', (SELECT id::text FROM own WHERE favourites_count > 0
                              ORDER BY favourites_count DESC, id LIMIT 1),
            'by_replies', (SELECT id::text FROM own WHERE replies_count > 0
                           ORDER BY replies_count DESC, id LIMIT 1)),
        'time_series', m.series,
        'top_hashtags', coalesce(g.top, '[]'),
        'commonly_interacted_with_accounts', coalesce(t.top, '[]'),
        'most_reblogged_accounts', coalesce(b.top, '[]'),
        'most_used_apps', coalesce(a.top, '[]'),
        'percentiles', round(p.percent, 1)), $5
    FROM kinds k, months m, tagged g, talked t, boosted b, apps a, place p
    ON CONFLICT DO NOTHING
    """
)

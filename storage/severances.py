"""Follows that ended for many at once, kept so that people can see what they lost (Mastodon API:
RelationshipSeveranceEvent)."""

from dataclasses import dataclass
from datetime import datetime

from storage.notifying import recorded
from storage.query import Command, Query


@dataclass(frozen=True, slots=True)
class SeveranceRow:
    """What one person lost by a block of `target_name`, or by its suspension."""

    id: int
    account_id: int
    type: str
    target_name: str
    followers_count: int
    following_count: int
    purged: bool
    created_at: datetime


_COLUMNS = ", ".join(SeveranceRow.__dataclass_fields__)

SEVERANCES = Query(
    f"SELECT {_COLUMNS} FROM severances WHERE id = ANY($1::bigint[]) AND account_id = $2",
    SeveranceRow,
)

SEVERANCES_OF = Query(
    f"SELECT {_COLUMNS} FROM severances WHERE account_id = $1 ORDER BY id DESC LIMIT 200",
    SeveranceRow,
)


def _tell(at: str) -> str:
    """Give the expressions that notify those who were `told`; `at` is SQL for when."""
    return recorded(
        f"""
        SELECT t.id, t.account_id, 'severed_relationships', t.account_id, NULL::bigint, t.id,
            {at}::timestamptz FROM told t
        """
    )


# Ends the follows between our people and the accounts $1, and tells those who lost something.
# $2 the type of the event, $3 the domain or handle, $4 where ids begin, $5 now.
SEVER_FOLLOWS = Command(
    f"""
    WITH gone AS (
        DELETE FROM follows
        WHERE account_id = ANY ($1::bigint[]) OR target_id = ANY ($1::bigint[])
        RETURNING account_id, target_id, accepted_at IS NOT NULL AS accepted, show_reblogs,
            notify, languages
    ), counted AS (
        SELECT id, sum(following)::int AS following, sum(followers)::int AS followers FROM (
            SELECT account_id AS id, 1 AS following, 0 AS followers FROM gone WHERE accepted
            UNION ALL
            SELECT target_id, 0, 1 FROM gone WHERE accepted
        ) each GROUP BY id
    ), uncounted AS (
        UPDATE accounts a SET
            following_count = greatest(a.following_count - c.following, 0),
            followers_count = greatest(a.followers_count - c.followers, 0)
        FROM counted c WHERE a.id = c.id
    ), lost AS (
        SELECT g.account_id, g.target_id AS other_id, true AS outward, g.show_reblogs, g.notify,
            g.languages
        FROM gone g JOIN users u ON u.account_id = g.account_id
        WHERE g.accepted AND g.target_id = ANY ($1)
        UNION ALL
        SELECT g.target_id, g.account_id, false, true, false, NULL
        FROM gone g JOIN users u ON u.account_id = g.target_id
        WHERE g.accepted AND g.account_id = ANY ($1)
    ), told AS (
        INSERT INTO severances (id, account_id, type, target_name, followers_count,
            following_count, created_at)
        SELECT $4::bigint + row_number() OVER (), l.account_id, $2, $3,
            count(*) FILTER (WHERE NOT l.outward), count(*) FILTER (WHERE l.outward), $5
        FROM lost l GROUP BY l.account_id
        RETURNING id, account_id
    ), kept AS (
        INSERT INTO severed_follows (severance_id, other_id, outward, show_reblogs, notify,
            languages)
        SELECT t.id, l.other_id, l.outward, l.show_reblogs, l.notify, l.languages
        FROM lost l JOIN told t ON t.account_id = l.account_id
    ), {_tell("$5")}
    SELECT id FROM made
    """
)


# Keeps what $1 loses by blocking the domain $2, whose follows are about to end, and tells them.
# $3 id, $4 now.
REMEMBER_LOSS = Command(
    f"""
    WITH lost AS (
        SELECT f.target_id AS other_id, true AS outward, f.show_reblogs, f.notify, f.languages
        FROM follows f JOIN accounts a ON a.id = f.target_id
        WHERE f.account_id = $1 AND f.accepted_at IS NOT NULL AND a.domain = $2
        UNION ALL
        SELECT f.account_id, false, true, false, NULL
        FROM follows f JOIN accounts a ON a.id = f.account_id
        WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.domain = $2
    ), told AS (
        INSERT INTO severances (id, account_id, type, target_name, followers_count,
            following_count, created_at)
        SELECT $3, $1, 'user_domain_block', $2, count(*) FILTER (WHERE NOT l.outward),
            count(*) FILTER (WHERE l.outward), $4
        FROM lost l HAVING count(*) > 0
        RETURNING id, account_id
    ), kept AS (
        INSERT INTO severed_follows (severance_id, other_id, outward, show_reblogs, notify,
            languages)
        SELECT t.id, l.other_id, l.outward, l.show_reblogs, l.notify, l.languages
        FROM lost l, told t
    ), {_tell("$4")}
    SELECT id FROM made
    """
)


@dataclass(frozen=True, slots=True)
class SeveredFollowRow:
    """A follow that was lost: `outward`, the person followed `acct`."""

    acct: str
    outward: bool
    show_reblogs: bool
    notify: bool
    languages: list[str] | None


# $1 the event, $2 whose.
SEVERED_FOLLOWS = Query(
    """
    SELECT CASE WHEN a.domain IS NULL THEN a.username ELSE a.username || '@' || a.domain END
            AS acct,
        f.outward, f.show_reblogs, f.notify, f.languages
    FROM severed_follows f JOIN accounts a ON a.id = f.other_id
    WHERE f.severance_id = (SELECT id FROM severances WHERE id = $1 AND account_id = $2)
    ORDER BY f.outward DESC, lower(a.username), a.domain
    """,
    SeveredFollowRow,
)

"""Reading notifications in groups (Mastodon API: notifications v2).

A page has one notification for each group, the newest of it in the page's range; what else is
known of the groups is one more query.
"""

from datetime import datetime

import msgspec

from storage.notification_reads import COLUMNS, FROM, LAST_READ, SHOWN, NotificationRow, wanted
from storage.paging import Paged, paged
from storage.query import Command, Query, Value

SAMPLE_ACCOUNTS = 8
# A badge says "99+"; whoever never reads shall not make us look at everything.
_MOST_LOOKED_AT = 2_000

_NAMES = ", ".join(NotificationRow.__struct_fields__)
# What its group is for this client: only those of the types $9 are groups.
_KEY = """CASE WHEN n.type = ANY($9::text[]) THEN coalesce(n.group_key, 'ungrouped-' || n.id)
    ELSE 'ungrouped-' || n.id END"""
_OTHERS = COLUMNS.replace("coalesce(n.group_key, 'ungrouped-' || n.id)", _KEY)


def _page(comparison: str, direction: str) -> Query[NotificationRow]:
    """Walk from group to group: each step finds the next notification of a group not yet seen.

    $1 to $8 as in storage.notification_reads, $9 the types that are grouped.
    """
    return Query(
        f"""
        WITH RECURSIVE page AS (
            (SELECT {_OTHERS}, ARRAY[{_KEY}] AS seen FROM {FROM}
             WHERE n.id < $1 AND n.id > $2 AND {wanted(4)}
             ORDER BY n.id {direction} LIMIT 1)
            UNION ALL
            (SELECT found.*
             FROM (SELECT p.id, p.seen FROM page p WHERE cardinality(p.seen) < $3) last,
                LATERAL (
                    SELECT {_OTHERS}, array_append(last.seen, {_KEY}) AS seen FROM {FROM}
                    WHERE n.id < $1 AND n.id > $2 AND n.id {comparison} last.id
                      AND NOT {_KEY} = ANY (last.seen) AND {wanted(4)}
                    ORDER BY n.id {direction} LIMIT 1) found)
        )
        SELECT {_NAMES} FROM page ORDER BY id {direction}
        """,
        NotificationRow,
    )


GROUPS: Paged[NotificationRow] = Paged(_page("<", "DESC"), _page(">", "ASC"))


class GroupRow(msgspec.Struct, frozen=True, gc=False):
    """A group up to the end of a page: its newest and, in the page's range, oldest notification,
    and who caused the newest ones."""

    group_key: str
    count: int
    newest_id: int
    oldest_id: int
    newest_at: datetime
    account_ids: list[int]
    account_versions: list[int]


# $1 whose, $2 keys, $3 from this notification on, $4 up to this one. (What is filtered is never
# in a group.)
GROUP_DETAILS = Query(
    f"""
    SELECT g.group_key, d.count, d.newest_id, d.oldest_id, d.newest_at, d.account_ids,
        d.account_versions
    FROM unnest($2::text[]) AS g (group_key)
    CROSS JOIN LATERAL (
        SELECT count(*)::int AS count, max(x.id) AS newest_id,
            min(x.id) FILTER (WHERE x.id >= $3) AS oldest_id, max(x.created_at) AS newest_at,
            array_agg(x.from_account_id ORDER BY x.id DESC)
                FILTER (WHERE x.place <= {SAMPLE_ACCOUNTS}) AS account_ids,
            array_agg(x.version ORDER BY x.id DESC)
                FILTER (WHERE x.place <= {SAMPLE_ACCOUNTS}) AS account_versions
        FROM (
            SELECT n.id, n.created_at, n.from_account_id, a.xmin::text::bigint AS version,
                row_number() OVER (ORDER BY n.id DESC) AS place
            FROM {FROM}
            WHERE n.account_id = $1 AND n.group_key = g.group_key AND n.id <= $4 AND {SHOWN}
        ) x
    ) d WHERE d.count > 0
    """,
    GroupRow,
)

# $4 whose, $5 the key, or $6 the one that stands alone.
_IN_GROUP = f"""n.account_id = $4 AND (n.group_key = $5 OR n.id = $6) AND {SHOWN}"""
IN_GROUP: Paged[NotificationRow] = paged(
    f"""
    SELECT {COLUMNS} FROM {FROM} WHERE n.id < $1 AND n.id > $2 AND {_IN_GROUP}
    ORDER BY n.id {{direction}} LIMIT $3
    """,
    NotificationRow,
)
DISMISS_GROUP = Command(
    "DELETE FROM notifications n WHERE n.account_id = $1 AND (n.group_key = $2 OR n.id = $3)"
)
# $1 most, $2 to $6 as in storage.notification_reads, $7 the types that are grouped.
COUNT_UNREAD_GROUPS = Value(
    f"""
    SELECT count(*)::int FROM (
        SELECT DISTINCT newest.key FROM (
            SELECT {_KEY.replace("$9", "$7")} AS key FROM {FROM}
            WHERE n.id > {LAST_READ} AND {wanted(2)}
            ORDER BY n.id DESC LIMIT {_MOST_LOOKED_AT}) newest
        LIMIT $1) groups
    """,
    int,
)

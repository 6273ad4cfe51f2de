"""Lists: accounts that a person reads apart, and the timeline of each."""

import msgspec

from storage.account_reads import AccountHeadRow
from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.status_reads import HeadRow, head_query
from storage.visibility import unwanted, visible


class ListRow(msgspec.Struct, frozen=True, gc=False):
    """A list of its owner."""

    id: int
    title: str
    replies_policy: str
    exclusive: bool


_COLUMNS = "l.id, l.title, l.replies_policy, l.exclusive"

LISTS_OF = Query(f"SELECT {_COLUMNS} FROM lists l WHERE l.account_id = $1 ORDER BY l.id", ListRow)
# $1 list, $2 owner.
OWN_LIST = Query(f"SELECT {_COLUMNS} FROM lists l WHERE l.id = $1 AND l.account_id = $2", ListRow)
# $1 owner, $2 member.
LISTS_WITH = Query(
    f"""
    SELECT {_COLUMNS} FROM lists l JOIN list_accounts m ON m.list_id = l.id
    WHERE l.account_id = $1 AND m.account_id = $2 ORDER BY l.id
    """,
    ListRow,
)
COUNT_LISTS = Value("SELECT count(*) FROM lists WHERE account_id = $1", int)
# $1 id, $2 owner, $3 title, $4 replies policy, $5 exclusive, $6 now.
INSERT_LIST = Command(
    """
    INSERT INTO lists (id, account_id, title, replies_policy, exclusive, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
# $1 id, $2 owner; NULL leaves as it is.
UPDATE_LIST = Query(
    f"""
    UPDATE lists l SET title = coalesce($3, title),
        replies_policy = coalesce($4, replies_policy), exclusive = coalesce($5, exclusive)
    WHERE l.id = $1 AND l.account_id = $2 RETURNING {_COLUMNS}
    """,
    ListRow,
)
# $1 id, $2 owner.
DELETE_LIST = Command("DELETE FROM lists WHERE id = $1 AND account_id = $2")

# $4 list.
LIST_ACCOUNTS: Paged[AccountHeadRow] = paged(
    """
    SELECT m.id AS cursor, a.id, a.xmin::text::bigint AS version
    FROM list_accounts m JOIN accounts a ON a.id = m.account_id
    WHERE m.list_id = $4 AND m.id < $1 AND m.id > $2
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    ORDER BY m.id {direction} LIMIT $3
    """,
    AccountHeadRow,
)
# Those of $2 whom the owner $1 may list: follows (or asks to follow), or is.
LISTABLE = Value(
    """
    SELECT count(*) FROM unnest($2::bigint[]) AS wanted (id)
    WHERE wanted.id = $1 OR EXISTS (
        SELECT 1 FROM follows f WHERE f.account_id = $1 AND f.target_id = wanted.id)
    """,
    int,
)
# $1 list, $2 ids of the rows, $3 accounts, $4 owner. Gives how many are new.
ADD_TO_LIST = Command(
    """
    INSERT INTO list_accounts (id, list_id, account_id, follow_id)
    SELECT n.id, $1, n.account_id, f.id
    FROM unnest($2::bigint[], $3::bigint[]) AS n (id, account_id)
    LEFT JOIN follows f ON f.account_id = $4 AND f.target_id = n.account_id
    ON CONFLICT (list_id, account_id) DO NOTHING
    """
)
REMOVE_FROM_LIST = Command(
    "DELETE FROM list_accounts WHERE list_id = $1 AND account_id = ANY($2::bigint[])"
)

# $4 owner, $5 list, $6 its replies policy. Each member gives at most a page; the page is the newest
# of these. A reply to the owner is always shown, one to oneself belongs to the post.
LIST_TIMELINE: Paged[HeadRow] = paged(
    head_query(
        f"""(SELECT p.id FROM list_accounts m
         LEFT JOIN follows mf ON mf.id = m.follow_id
         CROSS JOIN LATERAL (
            SELECT c.id FROM statuses c LEFT JOIN statuses cr ON cr.id = c.reblog_of_id
            WHERE c.account_id = m.account_id AND c.id < $1 AND c.id > $2
              AND c.visibility <> 'direct' AND {visible("c", "$4::bigint")}
              AND (c.reblog_of_id IS NULL OR (
                  coalesce(mf.show_reblogs, true)
                  AND {visible("cr", "$4::bigint")}
                  AND NOT {unwanted("cr.account_id", "$4::bigint")}))
              AND (c.in_reply_to_account_id IS NULL
                   OR c.in_reply_to_account_id IN (c.account_id, $4)
                   OR ($6::text = 'list' AND EXISTS (
                       SELECT 1 FROM list_accounts o
                       WHERE o.list_id = $5 AND o.account_id = c.in_reply_to_account_id OFFSET 0))
                   OR ($6::text = 'followed' AND EXISTS (
                       SELECT 1 FROM follows rf
                       WHERE rf.account_id = $4 AND rf.target_id = c.in_reply_to_account_id
                         AND rf.accepted_at IS NOT NULL OFFSET 0)))
            ORDER BY c.id {{direction}} LIMIT $3) p
         WHERE m.list_id = $5 AND NOT {unwanted("m.account_id", "$4::bigint", domains=False)}
         ORDER BY p.id {{direction}} LIMIT $3) listed
        JOIN statuses s ON s.id = listed.id""",
        "true ORDER BY s.id {direction} LIMIT $3",
    ),
    HeadRow,
)

"""What everybody may read here, in an order in which it can be written out and gone on with."""

from dataclasses import dataclass

from storage.accounts import ACCOUNT_COLUMNS, AccountRow
from storage.query import Query, Value
from storage.statuses import STATUS_COLUMNS, StatusRow
from storage.visibility import visible

# $1 the last one, $2 how many. People, that is: the instance's own actor has no outbox.
PEOPLE_AFTER = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE a.domain IS NULL AND a.outbox_url IS NOT NULL AND a.deleted_at IS NULL
      AND a.suspended_at IS NULL AND a.id > $1
    ORDER BY a.id LIMIT $2
    """,
    AccountRow,
)
_PUBLIC = f"""
    s.account_id = $1 AND s.reblog_of_id IS NULL AND s.visibility IN ('public', 'unlisted')
    AND {visible("s", "NULL::bigint")}
"""
# $1 account, $2 the last one, $3 how many.
PUBLIC_POSTS_AFTER = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE {_PUBLIC} AND s.id > $2 ORDER BY s.id LIMIT $3
    """,
    StatusRow,
)


@dataclass(frozen=True, slots=True)
class CreateRow:
    """The activity that made a status, as it was sent."""

    status_id: int
    uri: str
    document: bytes


CREATES_OF = Query(
    """
    SELECT o.status_id, o.uri, o.document FROM outbox_activities o
    WHERE o.status_id = ANY($1::bigint[]) AND o.type = 'Create' AND o.listed
    """,
    CreateRow,
)
# About how much there is to do.
POSTS_OF_PEOPLE = Value(
    """
    SELECT coalesce(sum(statuses_count), 0)::bigint FROM accounts
    WHERE domain IS NULL AND outbox_url IS NOT NULL AND deleted_at IS NULL
      AND suspended_at IS NULL
    """,
    int,
)

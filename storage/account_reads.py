"""Reading accounts: heads (which versions a list shows), details, relations to the viewer."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from storage.accounts import ACCOUNT_COLUMNS, AccountRow
from storage.paging import Paged, paged
from storage.query import Query, Value
from storage.visibility import unwanted


class AccountHeadRow(msgspec.Struct, frozen=True, gc=False):
    """One entry of a list of accounts. `cursor` is what the list is ordered by."""

    cursor: int
    id: int
    version: int


_HEAD = "a.id, a.xmin::text::bigint AS version"
_SHOWN = "a.suspended_at IS NULL AND a.deleted_at IS NULL"

# The order of the ids is kept; deleted accounts are left out.
ACCOUNT_HEADS = Query(
    f"""
    SELECT wanted.place AS cursor, {_HEAD}
    FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place)
    JOIN accounts a ON a.id = wanted.id
    WHERE a.deleted_at IS NULL ORDER BY wanted.place
    """,
    AccountHeadRow,
)


@dataclass(frozen=True, slots=True)
class AccountDetailRow(AccountRow):
    """An account and the version of its row. `role`: of one of our people, as is whether they
    offer their posts by mail."""

    version: int
    role: str | None
    email_subscriptions: bool | None


# The accounts themselves and those that they moved to.
ACCOUNT_DETAILS = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS}, a.xmin::text::bigint AS version, u.role,
        u.email_subscriptions
    FROM accounts a LEFT JOIN users u ON u.account_id = a.id
    WHERE a.id IN (
        SELECT unnest($1::bigint[])
        UNION SELECT m.moved_to_id FROM accounts m
        WHERE m.id = ANY($1) AND m.moved_to_id IS NOT NULL)
    """,
    AccountDetailRow,
)


def _people(table: str, owner: str, other: str, condition: str) -> Paged[AccountHeadRow]:
    """$4 viewer, $5 whose list."""
    return paged(
        f"""
        SELECT x.id AS cursor, {_HEAD} FROM {table} x JOIN accounts a ON a.id = x.{other}
        WHERE x.{owner} = $5 AND x.id < $1 AND x.id > $2 AND {condition} AND {_SHOWN}
          AND ($4::bigint IS NULL OR NOT {unwanted("a.id", "$4::bigint")})
        ORDER BY x.id {{direction}} LIMIT $3
        """,
        AccountHeadRow,
    )


FOLLOWERS = _people("follows", "target_id", "account_id", "x.accepted_at IS NOT NULL")
FOLLOWING = _people("follows", "account_id", "target_id", "x.accepted_at IS NOT NULL")
FAVOURITED_BY = _people("favourites", "status_id", "account_id", "NOT x.withheld")
REBLOGGED_BY = _people(
    "statuses",
    "reblog_of_id",
    "account_id",
    "x.visibility IN ('public', 'unlisted') AND NOT x.withheld",
)


class RelationshipRow(msgspec.Struct, frozen=True, gc=False):
    """What the viewer and an account are to each other."""

    id: int
    following: bool
    requested: bool
    showing_reblogs: bool
    notifying: bool
    languages: list[str] | None
    followed_by: bool
    requested_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    muting_expires_at: datetime | None
    domain_blocking: bool
    note: str
    endorsed: bool


# $1 viewer, $2 ids whose order is kept, $3 now.
RELATIONSHIPS = Query(
    """
    SELECT a.id,
        coalesce(f.accepted_at IS NOT NULL, false) AS following,
        coalesce(f.id IS NOT NULL AND f.accepted_at IS NULL, false) AS requested,
        coalesce(f.accepted_at IS NOT NULL AND f.show_reblogs, false) AS showing_reblogs,
        coalesce(f.accepted_at IS NOT NULL AND f.notify, false) AS notifying,
        CASE WHEN f.accepted_at IS NOT NULL THEN f.languages END AS languages,
        coalesce(b.accepted_at IS NOT NULL, false) AS followed_by,
        coalesce(b.id IS NOT NULL AND b.accepted_at IS NULL, false) AS requested_by,
        EXISTS (SELECT 1 FROM blocks k WHERE k.account_id = $1 AND k.target_id = a.id) AS blocking,
        EXISTS (SELECT 1 FROM blocks k WHERE k.account_id = a.id AND k.target_id = $1)
            AS blocked_by,
        m.id IS NOT NULL AS muting,
        coalesce(m.hide_notifications, false) AS muting_notifications,
        m.expires_at AS muting_expires_at,
        EXISTS (SELECT 1 FROM user_domain_blocks d
                WHERE d.account_id = $1 AND d.domain = a.domain) AS domain_blocking,
        coalesce(n.comment, '') AS note,
        f.accepted_at IS NOT NULL AND EXISTS (
            SELECT 1 FROM endorsements e WHERE e.account_id = $1 AND e.target_id = a.id)
            AS endorsed
    FROM unnest($2::bigint[]) WITH ORDINALITY AS wanted (id, place)
    JOIN accounts a ON a.id = wanted.id
    LEFT JOIN follows f ON f.account_id = $1 AND f.target_id = a.id
    LEFT JOIN follows b ON b.account_id = a.id AND b.target_id = $1
    LEFT JOIN mutes m ON m.account_id = $1 AND m.target_id = a.id
        AND (m.expires_at IS NULL OR m.expires_at > $3)
    LEFT JOIN account_notes n ON n.account_id = $1 AND n.target_id = a.id
    ORDER BY wanted.place
    """,
    RelationshipRow,
)


class OwnSettingsRow(msgspec.Struct, frozen=True, gc=False):
    """What a person set for themselves, and what waits for them."""

    role: str
    locale: str
    default_visibility: str
    default_sensitive: bool
    default_language: str | None
    default_quote_policy: str
    follow_requests_count: int


OWN_SETTINGS = Query(
    """
    SELECT u.role, u.locale, u.default_visibility, u.default_sensitive, u.default_language,
        u.default_quote_policy,
        (SELECT count(*) FROM (
            SELECT 1 FROM follows f WHERE f.target_id = $1 AND f.accepted_at IS NULL LIMIT 1000
         ) waiting)::int AS follow_requests_count
    FROM users u WHERE u.account_id = $1
    """,
    OwnSettingsRow,
)
# $1 username, $2 domain or NULL. Of several that had the handle the one read last.
ACCOUNT_ID_BY_HANDLE = Value(
    """
    SELECT a.id FROM accounts a
    WHERE lower(a.username) = lower($1) AND a.domain IS NOT DISTINCT FROM $2
      AND a.deleted_at IS NULL
    ORDER BY a.fetched_at DESC NULLS LAST LIMIT 1
    """,
    int,
)

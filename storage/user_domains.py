"""Domains that a person blocks for themselves alone."""

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value


class UserDomainRow(msgspec.Struct, frozen=True, gc=False):
    """One entry of a person's list."""

    id: int
    domain: str


# $4 whose.
USER_DOMAINS: Paged[UserDomainRow] = paged(
    """
    SELECT b.id, b.domain FROM user_domain_blocks b
    WHERE b.account_id = $4 AND b.id < $1 AND b.id > $2
    ORDER BY b.id {direction} LIMIT $3
    """,
    UserDomainRow,
)
# $1 id, $2 whose, $3 domain, $4 now.
INSERT_USER_DOMAIN = Command(
    """
    INSERT INTO user_domain_blocks (id, account_id, domain, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, domain) DO NOTHING
    """
)
DELETE_USER_DOMAIN = Command("DELETE FROM user_domain_blocks WHERE account_id = $1 AND domain = $2")


class FollowsAtDomainRow(msgspec.Struct, frozen=True, gc=False):
    """How many follows would end."""

    following_count: int
    followers_count: int


# $1 whose, $2 domain.
FOLLOWS_AT_DOMAIN = Query(
    """
    SELECT
        (SELECT count(*) FROM follows f JOIN accounts a ON a.id = f.target_id
         WHERE f.account_id = $1 AND f.accepted_at IS NOT NULL AND a.domain = $2)::int
            AS following_count,
        (SELECT count(*) FROM follows f JOIN accounts a ON a.id = f.account_id
         WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.domain = $2)::int
            AS followers_count
    """,
    FollowsAtDomainRow,
)
# Whom $1 follows at $2, or asked to; and who follows, or asked to. The first $3 of each.
FOLLOWED_AT_DOMAIN = Value(
    """
    SELECT f.target_id FROM follows f JOIN accounts a ON a.id = f.target_id
    WHERE f.account_id = $1 AND a.domain = $2 ORDER BY f.id LIMIT $3
    """,
    int,
)
FOLLOWING_FROM_DOMAIN = Value(
    """
    SELECT f.account_id FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.target_id = $1 AND a.domain = $2 ORDER BY f.id LIMIT $3
    """,
    int,
)
WITHDRAW_NOTIFICATIONS_FROM_DOMAIN = Command(
    """
    WITH permissions AS (
        DELETE FROM notification_permissions p USING accounts a
        WHERE p.account_id = $1 AND a.id = p.from_account_id AND a.domain = $2
    ), requests AS (
        DELETE FROM notification_requests r USING accounts a
        WHERE r.account_id = $1 AND a.id = r.from_account_id AND a.domain = $2
    )
    DELETE FROM notifications n USING accounts a
    WHERE n.account_id = $1 AND a.id = n.from_account_id AND a.domain = $2
    """
)
REMOVE_DOMAIN_FROM_HOME = Command(
    """
    DELETE FROM home_entries h USING statuses s
    WHERE h.account_id = $1 AND s.id = h.status_id AND EXISTS (
        SELECT 1 FROM statuses o JOIN accounts a ON a.id = o.account_id
        WHERE o.id IN (s.id, s.reblog_of_id) AND a.domain = $2)
    """
)


def domain_blocked(author: str, viewer: str) -> str:
    """Give SQL that is true where `viewer` blocks the domain of the account `author`. Whoever
    blocks none is asked once."""
    return f"""(EXISTS (SELECT 1 FROM user_domain_blocks ub0 WHERE ub0.account_id = {viewer})
        AND EXISTS (
            SELECT 1 FROM accounts uda JOIN user_domain_blocks udb ON udb.domain = uda.domain
            WHERE uda.id = {author} AND udb.account_id = {viewer} OFFSET 0))"""


# What a person takes along.
EXPORT_USER_DOMAINS = Value(
    "SELECT domain FROM user_domain_blocks WHERE account_id = $1 ORDER BY id", str
)

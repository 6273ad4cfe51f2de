"""Follows, blocks and mutes: what accounts are to each other."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class FollowRow:
    """A follow, or with `accepted_at` None the request for one."""

    id: int
    account_id: int
    target_id: int
    uri: str
    accepted_at: datetime | None
    show_reblogs: bool
    notify: bool
    languages: list[str] | None
    created_at: datetime


_FOLLOW_COLUMNS = ", ".join(f"f.{name}" for name in FollowRow.__dataclass_fields__)

FOLLOW_BETWEEN = Query(
    f"SELECT {_FOLLOW_COLUMNS} FROM follows f WHERE f.account_id = $1 AND f.target_id = $2",
    FollowRow,
)
FOLLOW_BY_URI = Query(f"SELECT {_FOLLOW_COLUMNS} FROM follows f WHERE f.uri = $1", FollowRow)
INSERT_FOLLOW = Command(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, show_reblogs, notify,
        languages, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (account_id, target_id) DO NOTHING
    """
)
# A peer that follows anew names the follow anew; Undo and Accept will use the newer id.
RENAME_FOLLOW = Command("UPDATE follows SET uri = $3 WHERE account_id = $1 AND target_id = $2")
CHANGE_FOLLOW = Command(
    """
    UPDATE follows SET show_reblogs = $3, notify = $4, languages = $5
    WHERE account_id = $1 AND target_id = $2
    """
)
ACCEPT_FOLLOW = Command(
    """
    UPDATE follows SET accepted_at = $3
    WHERE account_id = $1 AND target_id = $2 AND accepted_at IS NULL
    """
)
DELETE_FOLLOW = Query(
    f"""
    DELETE FROM follows f WHERE f.account_id = $1 AND f.target_id = $2
    RETURNING {_FOLLOW_COLUMNS}
    """,
    FollowRow,
)
FOLLOWERS_INBOXES = Value(
    """
    SELECT DISTINCT coalesce(a.shared_inbox_url, a.inbox_url)
    FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.domain IS NOT NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    """,
    str,
)
DELETE_RELATIONS_OF_ACCOUNT = Command("DELETE FROM follows WHERE account_id = $1 OR target_id = $1")
# The other side's counters, before the relations of an account that goes are deleted.
UNCOUNT_FOLLOWS_OF_ACCOUNT = Command(
    """
    UPDATE accounts a SET
        following_count = a.following_count - x.following,
        followers_count = a.followers_count - x.followers
    FROM (
        SELECT other, sum(following)::int AS following, sum(followers)::int AS followers FROM (
            SELECT target_id AS other, 0 AS following, 1 AS followers
            FROM follows WHERE account_id = $1 AND accepted_at IS NOT NULL
            UNION ALL
            SELECT account_id, 1, 0
            FROM follows WHERE target_id = $1 AND accepted_at IS NOT NULL
        ) o GROUP BY other
    ) x
    WHERE a.id = x.other
    """
)


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A block of one account by another."""

    id: int
    account_id: int
    target_id: int
    uri: str


BLOCK_BETWEEN = Query(
    """
    SELECT id, account_id, target_id, uri FROM blocks WHERE account_id = $1 AND target_id = $2
    """,
    BlockRow,
)
BLOCKED_EITHER_WAY = Value(
    """
    SELECT EXISTS (
        SELECT 1 FROM blocks
        WHERE (account_id = $1 AND target_id = $2) OR (account_id = $2 AND target_id = $1))
    """,
    bool,
)
INSERT_BLOCK = Command(
    """
    INSERT INTO blocks (id, account_id, target_id, uri, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, target_id) DO NOTHING
    """
)
DELETE_BLOCK = Query(
    """
    DELETE FROM blocks WHERE account_id = $1 AND target_id = $2
    RETURNING id, account_id, target_id, uri
    """,
    BlockRow,
)

PUT_MUTE = Command(
    """
    INSERT INTO mutes (id, account_id, target_id, hide_notifications, expires_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, target_id) DO UPDATE
        SET hide_notifications = excluded.hide_notifications, expires_at = excluded.expires_at
    """
)
DELETE_MUTE = Command("DELETE FROM mutes WHERE account_id = $1 AND target_id = $2")
BLOCK_BY_URI = Query(
    "SELECT id, account_id, target_id, uri FROM blocks WHERE uri = $1 AND account_id = $2", BlockRow
)
FOLLOWED_HERE = Value(
    """
    SELECT EXISTS (
        SELECT 1 FROM follows f JOIN users u ON u.account_id = f.account_id
        WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL)
    """,
    bool,
)

"""Accounts that move, and what their followers here take along: one statement for each step."""

from dataclasses import dataclass

from storage.query import Command, Query, Value

# $1 account, $2 where it goes, $3 now, $4 not if it moved after this.
MARK_MOVED = Command(
    """
    UPDATE accounts SET moved_to_id = $2, moved_at = $3
    WHERE id = $1 AND (moved_at IS NULL OR moved_at < $4)
    """
)
# A signpost without a move of followers. $2 the URI of the new account, which must name the old one
# ($3) itself; anything else is no signpost.
SIGNPOST = Command(
    """
    UPDATE accounts SET moved_to_id = (
        SELECT t.id FROM identities i JOIN accounts t ON t.id = i.account_id
        WHERE i.uri = $2 AND t.id <> $1 AND $3::text = ANY(t.also_known_as))
    WHERE id = $1
    """
)
MOVED_TO = Value(
    "SELECT t.uri FROM accounts a JOIN accounts t ON t.id = a.moved_to_id WHERE a.id = $1", str
)


@dataclass(frozen=True, slots=True)
class MovedRow:
    """An account that goes on as another."""

    id: int
    moved_to_uri: str


MOVED_OF_ACCOUNTS = Query(
    """
    SELECT a.id, t.uri AS moved_to_uri FROM accounts a JOIN accounts t ON t.id = a.moved_to_id
    WHERE a.id = ANY($1::bigint[])
    """,
    MovedRow,
)
REMOVE_SIGNPOST = Command(
    "UPDATE accounts SET moved_to_id = NULL WHERE id = $1 AND moved_to_id IS NOT NULL"
)
SET_ALIASES = Command(
    """
    UPDATE accounts SET also_known_as = $2
    WHERE id = $1 AND domain IS NULL AND also_known_as <> $2::text[]
    """
)


@dataclass(frozen=True, slots=True)
class FollowToMoveRow:
    """A follow of the old account by one of our people."""

    id: int
    account_id: int
    actor_uri: str
    uri: str


# $1 old account, $2 new one, $3 after this follow, $4 how many, $5 whether those count, too, that
# were not accepted. Who blocks the new account, or is
# blocked by it, stays where they are.
FOLLOWS_TO_MOVE = Query(
    """
    SELECT f.id, f.account_id, a.uri AS actor_uri, f.uri
    FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.target_id = $1 AND f.id > $3 AND (f.accepted_at IS NOT NULL OR $5)
      AND a.domain IS NULL AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND NOT EXISTS (
        SELECT 1 FROM blocks b
        WHERE (b.account_id = f.account_id AND b.target_id = $2)
           OR (b.account_id = $2 AND b.target_id = f.account_id))
    ORDER BY f.id LIMIT $4 FOR UPDATE OF f
    """,
    FollowToMoveRow,
)
# $1 ids, $2 followers, $3 ids of the activities, $4 old account, $5 new one, $6 accepted at or
# NULL, $7 now. Takes the settings of the old follow along; gives who did not follow the new one.
COPY_FOLLOWS = Value(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, show_reblogs, notify,
        languages, created_at)
    SELECT n.id, n.account_id, $5, n.uri, $6, f.show_reblogs, f.notify, f.languages, $7
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS n (id, account_id, uri)
    JOIN follows f ON f.account_id = n.account_id AND f.target_id = $4
    WHERE n.account_id <> $5
    ON CONFLICT (account_id, target_id) DO NOTHING
    RETURNING account_id
    """,
    int,
)
# $1 followers, $2 whom they followed. Gives those whose follow was in force.
END_FOLLOWS = Value(
    """
    WITH ended AS (
        DELETE FROM follows WHERE account_id = ANY($1::bigint[]) AND target_id = $2
        RETURNING account_id, accepted_at
    )
    SELECT account_id FROM ended WHERE accepted_at IS NOT NULL
    """,
    int,
)
# $1 followers, $2 whom they follow, $3 one more or one less.
COUNT_FOLLOWS = Command(
    """
    UPDATE accounts SET
        following_count = greatest(0, following_count
            + CASE WHEN id = ANY($1::bigint[]) THEN $3::int ELSE 0 END),
        followers_count = greatest(0, followers_count
            + CASE WHEN id = $2 THEN $3::int * cardinality($1::bigint[]) ELSE 0 END)
    WHERE id = ANY($1::bigint[]) OR id = $2
    """
)
# $1 followers, $2 whom they follow from now on: what storage.fan_out.ADD_AUTHOR_TO_HOME does for
# one of them.
ADD_AUTHOR_TO_HOMES = Command(
    """
    INSERT INTO home_entries (account_id, status_id)
    SELECT w.account_id, s.id
    FROM unnest($1::bigint[]) AS w (account_id) CROSS JOIN LATERAL (
        SELECT s.id FROM statuses s
        WHERE s.account_id = $2 AND s.visibility <> 'direct'
          AND (s.in_reply_to_account_id IS NULL OR s.in_reply_to_account_id IN (w.account_id, $2))
        ORDER BY s.id DESC LIMIT 40
    ) s
    ON CONFLICT DO NOTHING
    """
)
# $1 old account, $2 new one, $3 first id, $4 now. Who muted the one mutes the other, but for those
# who follow it.
COPY_MUTES = Command(
    """
    INSERT INTO mutes (id, account_id, target_id, hide_notifications, expires_at, created_at)
    SELECT $3 + row_number() OVER (), m.account_id, $2, m.hide_notifications, m.expires_at, $4
    FROM mutes m
    WHERE m.target_id = $1 AND m.account_id <> $2 AND NOT EXISTS (
        SELECT 1 FROM follows f WHERE f.account_id = m.account_id AND f.target_id = $2)
    ON CONFLICT DO NOTHING
    """
)
# $1 old account, $2 new one: what people noted of the one they know of the other.
COPY_NOTES = Command(
    """
    INSERT INTO account_notes (account_id, target_id, comment)
    SELECT n.account_id, $2, n.comment FROM account_notes n
    WHERE n.target_id = $1 AND n.account_id <> $2
    ON CONFLICT DO NOTHING
    """
)
# $1 followers of both, $2 old account, $3 new one, $4 first id. In the lists of these people the
# new account stands where the old one stood, which leaves them with the follow.
COPY_LIST_PLACES = Command(
    """
    INSERT INTO list_accounts (id, list_id, account_id, follow_id)
    SELECT $4 + row_number() OVER (), m.list_id, $3, n.id
    FROM follows f
    JOIN list_accounts m ON m.follow_id = f.id
    JOIN follows n ON n.account_id = f.account_id AND n.target_id = $3
    WHERE f.target_id = $2 AND f.account_id = ANY($1::bigint[])
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class BlockerRow:
    """One of our people who blocks the old account."""

    account_id: int
    actor_uri: str


# $1 old account, $2 new one. Not those who follow the new one.
BLOCKERS_TO_MOVE = Query(
    """
    SELECT b.account_id, a.uri AS actor_uri
    FROM blocks b JOIN accounts a ON a.id = b.account_id
    WHERE b.target_id = $1 AND a.domain IS NULL AND a.deleted_at IS NULL AND b.account_id <> $2
      AND NOT EXISTS (
        SELECT 1 FROM blocks k WHERE k.account_id = b.account_id AND k.target_id = $2)
      AND NOT EXISTS (
        SELECT 1 FROM follows f WHERE f.account_id = b.account_id AND f.target_id = $2)
    """,
    BlockerRow,
)
# $1 ids, $2 who blocks, $3 ids of the activities, $4 whom, $5 now.
INSERT_BLOCKS = Command(
    """
    INSERT INTO blocks (id, account_id, target_id, uri, created_at)
    SELECT n.id, n.account_id, $4, n.uri, $5
    FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS n (id, account_id, uri)
    ON CONFLICT DO NOTHING
    """
)
# $1 who followed, $2 whom. Gives those whose follower is gone.
END_FOLLOWS_BY = Value(
    """
    WITH ended AS (
        DELETE FROM follows WHERE account_id = $1 AND target_id = ANY($2::bigint[])
        RETURNING target_id, accepted_at
    )
    SELECT target_id FROM ended WHERE accepted_at IS NOT NULL
    """,
    int,
)
# $1 who followed, $2 whom: one less each.
UNCOUNT_FOLLOWS_BY = Command(
    """
    UPDATE accounts SET
        followers_count = greatest(0, followers_count
            - CASE WHEN id = ANY($2::bigint[]) THEN 1 ELSE 0 END),
        following_count = greatest(0, following_count
            - CASE WHEN id = $1 THEN cardinality($2::bigint[]) ELSE 0 END)
    WHERE id = ANY($2::bigint[]) OR id = $1
    """
)

# Activities of many of our people, for one inbox ($7). $1 ids, $2 URIs, $3 whose, $4 types,
# $5 documents, $6 now.
INSERT_ACTIVITIES = Command(
    """
    INSERT INTO outbox_activities (id, uri, account_id, type, document, listed, created_at,
        to_followers, to_inboxes)
    SELECT n.id, n.uri, n.account_id, n.type, n.document, false, $6, false, ARRAY[$7::text]
    FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::bytea[])
        AS n (id, uri, account_id, type, document)
    """
)
# Their deliveries. $1 activities, $2 inbox, $3 its host, $4 now. As
# storage.deliveries.INSERT_DELIVERIES (which is one activity for many inboxes), under its lock.
INSERT_DELIVERIES_TO_ONE = Command(
    """
    WITH wanted AS (
        SELECT 1 WHERE NOT EXISTS (
            SELECT 1 FROM hosts
            WHERE host = $3 AND (gone_at IS NOT NULL OR missed_from IS NOT NULL))
    ), lane AS (
        INSERT INTO hosts (host, first_seen_at, next_try_at)
        SELECT $3, $4::timestamptz, $4::timestamptz FROM wanted
        ON CONFLICT (host) DO UPDATE SET next_try_at = coalesce(hosts.next_try_at, $4)
    ), told AS (SELECT pg_notify('fedserver_deliveries', ''))
    INSERT INTO deliveries (activity_id, inbox_url, host, created_at)
    SELECT n.activity_id, $2, $3, $4
    FROM unnest($1::bigint[]) AS n (activity_id), wanted LEFT JOIN told ON true
    ON CONFLICT DO NOTHING
    """
)

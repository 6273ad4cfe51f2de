"""What a host missed while it was parked: read anew from the activities themselves, so that a host
that is away costs one row and not one for each activity."""

from dataclasses import dataclass

from storage.query import Command, Query

# Posts take this lock together; who declares that a host has caught up takes it alone. So no post
# is written by somebody who still sees the host as parked, after the last look at what it missed.
_POSTING = 0x6665647265706C61
SHARE_POSTING = Command(f"SELECT pg_advisory_xact_lock_shared({_POSTING})")
STOP_POSTING = Command(f"SELECT pg_advisory_xact_lock({_POSTING})")

# $1 host, $2 now, $3 an id of now. Failing since before $4, or since before $5 with more than $6
# deliveries that wait, or not caught up since it was parked: its deliveries go, and the first of
# them is where it will begin.
PARK_HOST = Command(
    """
    WITH dead AS (
        UPDATE hosts SET parked_at = coalesce(parked_at, $2), missed_from = coalesce(least(
            missed_from, (SELECT min(d.activity_id) FROM deliveries d WHERE d.host = $1)), $3)
        WHERE host = $1 AND gone_at IS NULL AND (
            failing_since <= $4 OR missed_from IS NOT NULL
            OR (failing_since <= $5 AND (SELECT count(*) FROM (
                SELECT FROM deliveries w WHERE w.host = $1 LIMIT $6::int + 1) waiting) > $6))
        RETURNING host
    )
    DELETE FROM deliveries d USING dead WHERE d.host = dead.host
    """
)


@dataclass(frozen=True, slots=True)
class MissedRow:
    """Activities and inboxes, side by side; and where the next page begins, if there is one."""

    activity_ids: list[int]
    inbox_urls: list[str]
    next_from: int | None


# $1 host; activities from $2 up to but not including $3, at most $4 looked at, at most $5 taken.
# Followers count from the day they were accepted; what tells of a status that is deleted by now
# is left out (its Delete is not).
MISSED = Query(
    """
    WITH page AS (
        SELECT o.id, o.account_id, o.created_at, o.to_followers, o.to_inboxes
        FROM outbox_activities o
        WHERE o.id >= $2 AND o.id < $3 AND (o.status_id IS NULL OR EXISTS (
            SELECT 1 FROM statuses s WHERE s.id = o.status_id OFFSET 0))
        ORDER BY o.id LIMIT $4::int
    ), followed AS MATERIALIZED (
        SELECT f.target_id, coalesce(a.shared_inbox_url, a.inbox_url) AS inbox_url,
            min(f.accepted_at) AS since
        FROM accounts a JOIN follows f ON f.account_id = a.id
        WHERE host_of_url(a.inbox_url) = $1 AND a.domain IS NOT NULL
          AND a.suspended_at IS NULL AND a.deleted_at IS NULL AND f.accepted_at IS NOT NULL
        GROUP BY 1, 2
    ), missed AS (
        SELECT p.id, f.inbox_url FROM page p
        JOIN followed f ON f.target_id = p.account_id AND f.since <= p.created_at
        WHERE p.to_followers
        UNION
        SELECT p.id, i.url FROM page p, unnest(p.to_inboxes) AS i (url)
        WHERE host_of_url(i.url) = $1
    ), placed AS (
        SELECT id, inbox_url, dense_rank() OVER (ORDER BY id) AS place FROM missed
    )
    SELECT
        coalesce(array_agg(id ORDER BY id, inbox_url) FILTER (WHERE place <= $5::int), '{}')
            AS activity_ids,
        coalesce(array_agg(inbox_url ORDER BY id, inbox_url) FILTER (WHERE place <= $5), '{}')
            AS inbox_urls,
        coalesce(min(id) FILTER (WHERE place > $5), (
            SELECT max(p.id) + 1 FROM page p HAVING count(*) = $4)) AS next_from
    FROM placed
    """,
    MissedRow,
)
# $1 host, $2 activities, $3 inboxes, $4 now.
INSERT_MISSED = Command(
    """
    INSERT INTO deliveries (activity_id, inbox_url, host, created_at)
    SELECT activity_id, inbox_url, $1, $4
    FROM unnest($2::bigint[], $3::text[]) AS m (activity_id, inbox_url)
    ON CONFLICT DO NOTHING
    """
)
ADVANCE_REPLAY = Command("UPDATE hosts SET missed_from = $2 WHERE host = $1")
# Nothing is missed any more: new posts are written for the host again.
END_REPLAY = Command("UPDATE hosts SET missed_from = NULL, parked_at = NULL WHERE host = $1")

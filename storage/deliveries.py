"""What still has to be delivered: a row for each activity and inbox, in lanes by host."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.hosts import CLOSE_LANES, LOCK_LANES
from storage.query import Command, Query, Value

# $1 activity, $2 inboxes, $3 their hosts, $4 now. A host that said it is gone for good gets
# nothing, a parked one later (storage.replays; take SHARE_POSTING before); an idle lane is due at
# once, one that backs off keeps its time.
INSERT_DELIVERIES = Command(
    """
    WITH wanted AS (
        SELECT w.inbox_url, w.host FROM unnest($2::text[], $3::text[]) AS w (inbox_url, host)
        WHERE NOT EXISTS (SELECT 1 FROM hosts g WHERE g.host = w.host
            AND (g.gone_at IS NOT NULL OR g.missed_from IS NOT NULL))
    ), lanes AS (
        INSERT INTO hosts (host, first_seen_at, next_try_at)
        SELECT DISTINCT host, $4::timestamptz, $4::timestamptz FROM wanted ORDER BY host
        -- The condition spares a new row version; the lock that CLOSE_LANES waits for is taken
        -- all the same.
        ON CONFLICT (host) DO UPDATE SET next_try_at = $4 WHERE hosts.next_try_at IS NULL
    ), told AS (SELECT pg_notify('fedserver_deliveries', ''))
    INSERT INTO deliveries (activity_id, inbox_url, host, created_at)
    SELECT $1, inbox_url, host, $4 FROM wanted LEFT JOIN told ON true
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """One activity for one inbox."""

    activity_id: int
    inbox_url: str
    host: str
    attempts: int
    account_id: int
    type: str
    document: bytes
    activity_uri: str


# $1 hosts, $2 how many of each: the oldest first.
DELIVERIES_OF_LANES = Query(
    """
    SELECT w.activity_id, w.inbox_url, w.host, w.attempts, o.account_id, o.type, o.document,
        o.uri AS activity_uri
    FROM unnest($1::text[]) AS lane (host)
    CROSS JOIN LATERAL (
        SELECT d.activity_id, d.inbox_url, d.host, d.attempts FROM deliveries d
        WHERE d.host = lane.host ORDER BY d.activity_id, d.inbox_url LIMIT $2
    ) w
    JOIN outbox_activities o ON o.id = w.activity_id
    ORDER BY w.host, w.activity_id, w.inbox_url
    """,
    DeliveryRow,
)
# $1 activities, $2 inboxes.
DELETE_DELIVERIES = Command(
    """
    DELETE FROM deliveries d USING unnest($1::bigint[], $2::text[]) AS x (activity_id, inbox_url)
    WHERE d.activity_id = x.activity_id AND d.inbox_url = x.inbox_url
    """
)
# $1 activities, $2 inboxes: not taken, though the host is well.
COUNT_ATTEMPTS = Command(
    """
    UPDATE deliveries d SET attempts = d.attempts + 1
    FROM unnest($1::bigint[], $2::text[]) AS x (activity_id, inbox_url)
    WHERE d.activity_id = x.activity_id AND d.inbox_url = x.inbox_url
    """
)
IS_SHARED_INBOX = Value("SELECT EXISTS (SELECT 1 FROM accounts WHERE shared_inbox_url = $1)", bool)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What came of a batch of one lane: which deliveries ended, and whether it is empty now."""

    host: str
    ended: Sequence[DeliveryRow]
    succeeded: bool
    answered: bool
    close: bool
    now: datetime


class LaneStore:
    """Settles lanes in group commits: many lanes end at about the same time."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._commits = GroupCommit(self._settle)

    async def settle(self, settlement: Settlement) -> bool:
        """Write a settlement; True where the lane was to be closed but has got something new."""
        return await self._commits.put(settlement)

    async def _settle(self, batch: Sequence[Settlement]) -> Sequence[bool]:
        ended = [row for one in batch for row in one.ended]
        closing = [one for one in batch if one.close]
        async with self._db.transaction() as tx:
            if closing:
                await tx.execute(LOCK_LANES, [one.host for one in closing])
            await tx.execute(
                DELETE_DELIVERIES,
                [row.activity_id for row in ended],
                [row.inbox_url for row in ended],
            )
            awake = set()
            if closing:
                hosts = [one.host for one in closing]
                succeeded = [one.succeeded for one in closing]
                answered = [one.answered for one in closing]
                now = batch[0].now
                awake.update(await tx.values(CLOSE_LANES, hosts, succeeded, now, answered))
        return [one.close and one.host in awake for one in batch]

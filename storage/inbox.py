"""Received activities: stored before they are answered, claimed, and settled once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from storage.database import Database
from storage.group_commit import GroupCommit
from storage.query import Command, Query, Value

# Many requests share this statement and its commit. Gives the ids that are new.
STORE_ITEMS = Value(
    """
    WITH stored AS (
        INSERT INTO inbox_items (activity_uri, actor_uri, type, body, received_at, next_try_at)
        SELECT uri, actor, type, body, $5, $5
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS i (uri, actor, type, body)
        ON CONFLICT (activity_uri) DO NOTHING
        RETURNING activity_uri
    ), told AS (SELECT pg_notify('fedserver_inbox', '') WHERE EXISTS (SELECT 1 FROM stored))
    SELECT activity_uri FROM stored LEFT JOIN told ON true
    """,
    str,
)


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A received activity that waits."""

    id: int
    activity_uri: str
    actor_uri: str
    type: str
    body: bytes
    received_at: datetime
    attempts: int


# A claim moves the next try ahead: a process that dies gives its items back by itself. $1 now,
# $2 claimed until, $3 how many, $4 actors of whom something is being processed already.
CLAIM_ITEMS = Query(
    """
    UPDATE inbox_items i SET next_try_at = $2, attempts = i.attempts + 1
    FROM (
        SELECT id FROM inbox_items
        WHERE outcome IS NULL AND next_try_at <= $1 AND NOT actor_uri = ANY($4::text[])
        ORDER BY next_try_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE i.id = due.id
    RETURNING i.id, i.activity_uri, i.actor_uri, i.type, i.body, i.received_at, i.attempts
    """,
    InboxRow,
)
# $1 actors to leave out.
NEXT_DUE_AT = Value(
    """
    SELECT min(next_try_at) FROM inbox_items
    WHERE outcome IS NULL AND NOT actor_uri = ANY($1::text[])
    """,
    datetime,
)
GIVE_BACK_ITEMS = Command(
    "UPDATE inbox_items SET next_try_at = $2 WHERE id = ANY($1::bigint[]) AND outcome IS NULL"
)
SETTLE = Command(
    "UPDATE inbox_items SET outcome = $2, reason = $3, processed_at = $4 WHERE id = $1"
)
RETRY_ITEM = Command("UPDATE inbox_items SET next_try_at = $2, reason = $3 WHERE id = $1")
# The id stays known for a while, so that a replay is still recognised.
FORGET_PROCESSED = Command(
    "DELETE FROM inbox_items WHERE outcome IS NOT NULL AND processed_at < $1"
)


@dataclass(frozen=True, slots=True)
class NewItem:
    """An activity whose signature was verified, as its bytes came."""

    activity_uri: str
    actor_uri: str
    type: str
    body: bytes


class InboxStore:
    """Stores activities in group commits."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._commits = GroupCommit(self._store)

    async def put(self, item: NewItem, now: datetime) -> bool:
        """Store `item` and return after its commit; False if its id was received before.

        Raises what the database raises.
        """
        return await self._commits.put((item, now))

    async def _store(self, batch: Sequence[tuple[NewItem, datetime]]) -> Sequence[bool]:
        # In one order everywhere, so that two batches never wait for each other.
        items = sorted((item for item, _ in batch), key=lambda item: item.activity_uri)
        new = set(
            await self._db.values(
                STORE_ITEMS,
                [item.activity_uri for item in items],
                [item.actor_uri for item in items],
                [item.type for item in items],
                [item.body for item in items],
                batch[0][1],
            )
        )
        return [_take(new, item.activity_uri) for item, _ in batch]


def _take(new: set[str], uri: str) -> bool:
    """Whether `uri` is new: true for the first of two in one batch."""
    if uri not in new:
        return False
    new.remove(uri)
    return True

"""Received activities: stored before they are answered, claimed, and settled once."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from storage.database import Database
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


# A claim moves the next try ahead: a process that dies gives its items back by itself.
CLAIM_ITEMS = Query(
    """
    UPDATE inbox_items i SET next_try_at = $2, attempts = i.attempts + 1
    FROM (
        SELECT id FROM inbox_items WHERE outcome IS NULL AND next_try_at <= $1
        ORDER BY next_try_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE i.id = due.id
    RETURNING i.id, i.activity_uri, i.actor_uri, i.type, i.body, i.received_at, i.attempts
    """,
    InboxRow,
)
NEXT_DUE_AT = Value("SELECT min(next_try_at) FROM inbox_items WHERE outcome IS NULL", datetime)
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
    """Stores activities in group commits: while one statement runs, the next batch collects."""

    _MAX_BATCH = 200

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[tuple[NewItem, datetime, asyncio.Future[bool]]] = []
        self._flushing: asyncio.Task[None] | None = None

    async def put(self, item: NewItem, now: datetime) -> bool:
        """Store `item` and return after its commit; False if its id was received before.

        Raises what the database raises, to every caller of the batch.
        """
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, now, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())
        return await asyncio.shield(future)

    async def _flush(self) -> None:
        while self._waiting:
            batch, self._waiting = (
                self._waiting[: self._MAX_BATCH],
                self._waiting[self._MAX_BATCH :],
            )
            try:
                new = await self._store([item for item, _, _ in batch], batch[0][1])
            except BaseException as error:
                _fail(batch, error)
                raise
            for item, _, future in batch:
                if not future.done():
                    future.set_result(item.activity_uri in new)
                new.discard(item.activity_uri)

    async def _store(self, items: list[NewItem], now: datetime) -> set[str]:
        # In one order everywhere, so that two batches never wait for each other.
        items = sorted(items, key=lambda item: item.activity_uri)
        stored = await self._db.values(
            STORE_ITEMS,
            [item.activity_uri for item in items],
            [item.actor_uri for item in items],
            [item.type for item in items],
            [item.body for item in items],
            now,
        )
        return set(stored)


def _fail(
    batch: list[tuple[NewItem, datetime, asyncio.Future[bool]]], error: BaseException
) -> None:
    for _, _, future in batch:
        if not future.done():
            future.set_exception(error)

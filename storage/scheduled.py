"""Posts that wait for their time."""

from datetime import datetime
from typing import Any

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value


class ScheduledRow(msgspec.Struct, frozen=True):
    """A post that waits. `params` are those of the request; `due_at` is when a worker may take it,
    which a claim moves ahead; `failure` says why it cannot be posted."""

    id: int
    account_id: int
    application_id: int | None
    scheduled_at: datetime
    due_at: datetime
    attempts: int
    failure: str | None
    params: dict[str, Any]


_COLUMNS = ", ".join(f"p.{name}" for name in ScheduledRow.__struct_fields__)

# $4 whose.
SCHEDULED: Paged[ScheduledRow] = paged(
    f"""
    SELECT {_COLUMNS} FROM scheduled_statuses p
    WHERE p.account_id = $4 AND p.id < $1 AND p.id > $2
    ORDER BY p.id {{direction}} LIMIT $3
    """,
    ScheduledRow,
)
# $1 id, $2 whose.
OWN_SCHEDULED = Query(
    f"SELECT {_COLUMNS} FROM scheduled_statuses p WHERE p.id = $1 AND p.account_id = $2",
    ScheduledRow,
)
# $1 whose, $2 Idempotency-Key.
SCHEDULED_WITH_KEY = Query(
    f"""
    SELECT {_COLUMNS} FROM scheduled_statuses p
    WHERE p.account_id = $1 AND p.params ->> 'idempotency' = $2 ORDER BY p.id LIMIT 1
    """,
    ScheduledRow,
)
# Requests of one person wait for each other, so that limits and keys hold.
LOCK_SCHEDULING = Value("SELECT account_id FROM users WHERE account_id = $1 FOR NO KEY UPDATE", int)


class ScheduledCountRow(msgspec.Struct, frozen=True, gc=False):
    """How many posts of a person wait, and how many of them for one day."""

    total: int
    that_day: int


# $1 whose, $2 the start of the day, $3 its end, $4 a row that does not count.
COUNT_SCHEDULED = Query(
    """
    SELECT count(*)::int AS total,
        count(*) FILTER (WHERE scheduled_at >= $2 AND scheduled_at < $3)::int AS that_day
    FROM scheduled_statuses WHERE account_id = $1 AND id <> $4
    """,
    ScheduledCountRow,
)
# $1 id, $2 whose, $3 through which application, $4 when, $5 params, $6 now.
INSERT_SCHEDULED = Command(
    """
    INSERT INTO scheduled_statuses (id, account_id, application_id, scheduled_at, due_at, params,
        created_at)
    VALUES ($1, $2, $3, $4, $4, $5, $6)
    """
)
# $1 id, $2 when.
RESCHEDULE = Command(
    """
    UPDATE scheduled_statuses
    SET scheduled_at = $2, due_at = $2, attempts = 0, failure = NULL WHERE id = $1
    """
)
DELETE_SCHEDULED = Command("DELETE FROM scheduled_statuses WHERE id = $1 AND account_id = $2")
# $1 scheduled post, $2 whose, $3 attachments. Gives those that may wait with it.
KEEP_MEDIA = Command(
    """
    UPDATE media_attachments SET scheduled_id = $1
    WHERE id = ANY($3::bigint[]) AND account_id = $2 AND status_id IS NULL AND scheduled_id IS NULL
    """
)

# $1 now, $2 until when the claims hold, $3 how many. Those of people who may not post wait.
CLAIM_SCHEDULED = Query(
    f"""
    WITH due AS (
        SELECT d.id FROM scheduled_statuses d JOIN users u ON u.account_id = d.account_id
        WHERE d.due_at <= $1 AND d.failure IS NULL AND u.disabled_at IS NULL
        ORDER BY d.due_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED
    )
    UPDATE scheduled_statuses p SET due_at = $2, attempts = p.attempts + 1
    FROM due WHERE p.id = due.id
    RETURNING {_COLUMNS}
    """,
    ScheduledRow,
)
# $1 id, $2 the claim. None: it was changed, deleted or taken by another meanwhile.
TAKE_SCHEDULED = Command("DELETE FROM scheduled_statuses WHERE id = $1 AND due_at = $2")
# $1 id, $2 the claim, $3 why.
GIVE_UP_SCHEDULED = Command(
    "UPDATE scheduled_statuses SET failure = $3 WHERE id = $1 AND due_at = $2"
)
NEXT_SCHEDULED_AT = Value(
    "SELECT min(due_at) FROM scheduled_statuses WHERE failure IS NULL", datetime
)

"""Polls that end, and totals that peers are still to be told."""

from dataclasses import dataclass
from datetime import datetime

from storage.accounts import ACCOUNT_COLUMNS, AccountRow
from storage.notifying import recorded
from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class EndedPollRow:
    """A poll that has just ended. `voted`: somebody here took part."""

    id: int
    status_id: int
    account_id: int
    local: bool
    voted: bool


_TOLD = recorded(
    """
    SELECT $3::bigint + row_number() OVER (), c.account_id, 'poll', c.author_id, c.status_id,
        NULL::bigint, $1::timestamptz FROM concerned c
    """
)
# Ends at most $2 polls that are over at $1, and tells their authors and voters here; $3 is where
# the ids of the notifications begin. Each poll ends once, whoever asks.
END_POLLS = Query(
    f"""
    WITH due AS (
        SELECT id FROM polls WHERE told_at IS NULL AND expires_at <= $1
        ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), ended AS (
        UPDATE polls p SET told_at = $1,
            closed_at = CASE WHEN s.local THEN coalesce(p.closed_at, p.expires_at)
                             ELSE p.closed_at END
        FROM due, statuses s WHERE p.id = due.id AND s.id = p.status_id
        RETURNING p.id, p.status_id, p.account_id, s.local
    ), concerned AS (
        SELECT status_id, account_id AS author_id, account_id FROM ended
        UNION
        SELECT e.status_id, e.account_id, v.account_id
        FROM ended e JOIN poll_votes v ON v.poll_id = e.id
    ), {_TOLD}
    SELECT e.id, e.status_id, e.account_id, e.local,
        EXISTS (SELECT 1 FROM poll_votes v JOIN users u ON u.account_id = v.account_id
                WHERE v.poll_id = e.id) AS voted
    FROM ended e ORDER BY e.id
    """,
    EndedPollRow,
)

# Votes come in crowds: the first of them sets when all are told.
TELL_TOTALS_AT = Command(
    """
    UPDATE polls SET totals_due_at = $2
    WHERE id = $1 AND totals_due_at IS NULL AND NOT hide_totals
    """
)


@dataclass(frozen=True, slots=True)
class PolledStatusRow:
    """A status with a poll, and its author."""

    status_id: int
    account_id: int


CLAIM_TOTALS = Query(
    """
    WITH due AS (
        SELECT id FROM polls WHERE totals_due_at <= $1
        ORDER BY totals_due_at LIMIT $2 FOR UPDATE SKIP LOCKED
    )
    UPDATE polls p SET totals_due_at = NULL FROM due WHERE p.id = due.id
    RETURNING p.status_id, p.account_id
    """,
    PolledStatusRow,
)
NEXT_POLL_DUE_AT = Value(
    """
    SELECT least(
        (SELECT min(expires_at) FROM polls WHERE told_at IS NULL AND expires_at IS NOT NULL),
        (SELECT min(totals_due_at) FROM polls WHERE totals_due_at IS NOT NULL))
    """,
    datetime,
)
# Peers who have the poll of a status $1 without following its author.
POLL_KNOWN_TO = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE a.domain IS NOT NULL AND a.id IN (
        SELECT v.account_id FROM poll_votes v JOIN polls p ON p.id = v.poll_id
        WHERE p.status_id = $1
        UNION SELECT m.account_id FROM mentions m WHERE m.status_id = $1)
    """,
    AccountRow,
)

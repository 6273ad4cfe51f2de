"""Mails on their way out: written with what they tell of, sent by a worker."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail that is to be sent now. `unsubscribe_url`: of one that a list sends."""

    id: int
    recipient: str
    subject: str
    body: str
    attempts: int
    created_at: datetime
    unsubscribe_url: str | None


INSERT_MAIL = Command(
    """
    INSERT INTO mails (id, recipient, subject, body, next_attempt_at, created_at)
    VALUES ($1, $2, $3, $4, $5, $5)
    """
)
# Who claims one keeps it until $2: nobody else sends it meanwhile.
CLAIM_MAILS = Query(
    """
    UPDATE mails m SET next_attempt_at = $2, attempts = m.attempts + 1 FROM (
        SELECT id FROM mails WHERE next_attempt_at <= $1
        ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE m.id = due.id
    RETURNING m.id, m.recipient, m.subject, m.body, m.attempts, m.created_at, m.unsubscribe_url
    """,
    MailRow,
)
MAIL_SENT = Command("DELETE FROM mails WHERE id = $1")
MAIL_PUT_OFF = Command("UPDATE mails SET next_attempt_at = $2, last_error = $3 WHERE id = $1")
NEXT_MAIL_AT = Value("SELECT min(next_attempt_at) FROM mails", datetime)

"""People who want an account: until the address is confirmed (and, where the house wants it, an
admin has agreed) they have none, so nobody can see or find them."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query


@dataclass(frozen=True, slots=True)
class SignUpRow:
    """A sign-up; without its password's hash, which only `TAKE_READY` gives."""

    id: int
    username: str
    email: str
    locale: str
    reason: str
    needs_approval: bool
    confirmed_at: datetime | None
    approved_at: datetime | None
    created_at: datetime


_COLUMNS = ", ".join(f"w.{name}" for name in SignUpRow.__dataclass_fields__)

INSERT_SIGN_UP = Command(
    """
    INSERT INTO sign_ups (id, username, email, password_hash, role, locale, reason, application_id,
        needs_approval, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    """
)

SIGN_UP = Query(f"SELECT {_COLUMNS} FROM sign_ups w WHERE w.id = $1", SignUpRow)
SIGN_UP_BY_EMAIL = Query(
    f"SELECT {_COLUMNS} FROM sign_ups w WHERE lower(w.email) = lower($1)", SignUpRow
)
SIGN_UP_BY_NAME = Query(
    f"SELECT {_COLUMNS} FROM sign_ups w WHERE lower(w.username) = lower($1)", SignUpRow
)
SIGN_UPS = Query(f"SELECT {_COLUMNS} FROM sign_ups w ORDER BY w.created_at, w.id", SignUpRow)

CONFIRM_SIGN_UP = Command(
    "UPDATE sign_ups SET confirmed_at = coalesce(confirmed_at, $2) WHERE id = $1"
)
APPROVE_SIGN_UP = Command(
    "UPDATE sign_ups SET approved_at = coalesce(approved_at, $2) WHERE id = $1"
)
SET_SIGN_UP_EMAIL = Command("UPDATE sign_ups SET email = $2 WHERE id = $1 AND confirmed_at IS NULL")
DELETE_SIGN_UP = Command("DELETE FROM sign_ups WHERE id = $1")
FORGET_UNCONFIRMED = Command("DELETE FROM sign_ups WHERE confirmed_at IS NULL AND created_at < $1")


@dataclass(frozen=True, slots=True)
class ReadyRow:
    """A sign-up of which an account is to be made now."""

    id: int
    username: str
    email: str
    password_hash: str
    role: str
    locale: str
    confirmed_at: datetime


# Gone from here with the same transaction that makes the account.
READY_SIGN_UP = Query(
    """
    SELECT id, username, email, password_hash, role, locale, confirmed_at FROM sign_ups
    WHERE id = $1 AND confirmed_at IS NOT NULL AND (approved_at IS NOT NULL OR NOT needs_approval)
    FOR UPDATE
    """,
    ReadyRow,
)
GIVE_TOKENS_TO_ACCOUNT = Command(
    "UPDATE oauth_tokens SET account_id = $2, sign_up_id = NULL WHERE sign_up_id = $1"
)
SET_LOCALE = Command("UPDATE users SET locale = $2 WHERE account_id = $1")


@dataclass(frozen=True, slots=True)
class MailLinkRow:
    """What a link in a mail stands for."""

    purpose: str
    account_id: int | None
    sign_up_id: int | None
    email: str


INSERT_MAIL_LINK = Command(
    """
    INSERT INTO mail_links (token_hash, purpose, account_id, sign_up_id, email, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
# $1 hash, $2 purposes, $3 now.
MAIL_LINK = Query(
    """
    SELECT purpose, account_id, sign_up_id, email FROM mail_links
    WHERE token_hash = $1 AND purpose = ANY($2::text[]) AND expires_at > $3
    """,
    MailLinkRow,
)
TAKE_MAIL_LINK = Query(
    """
    DELETE FROM mail_links
    WHERE token_hash = $1 AND purpose = ANY($2::text[]) AND expires_at > $3
    RETURNING purpose, account_id, sign_up_id, email
    """,
    MailLinkRow,
)
DELETE_LINKS_OF_ACCOUNT = Command("DELETE FROM mail_links WHERE account_id = $1 AND purpose = $2")
DELETE_LINKS_OF_SIGN_UP = Command("DELETE FROM mail_links WHERE sign_up_id = $1")
FORGET_EXPIRED_LINKS = Command("DELETE FROM mail_links WHERE expires_at < $1")

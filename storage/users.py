"""The people who can sign in here, and the one-time invitations that make the first of them."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class UserRow:
    """A person with an account here; without anything secret."""

    account_id: int
    username: str
    email: str
    role: str
    confirmed_at: datetime | None
    approved_at: datetime | None
    disabled_at: datetime | None
    suspended_at: datetime | None
    created_at: datetime
    last_active_at: datetime


_USER = """u.account_id, a.username, u.email, u.role, u.confirmed_at, u.approved_at,
    u.disabled_at, a.suspended_at, u.created_at, u.last_active_at"""

USERS = Query(
    f"""
    SELECT {_USER} FROM users u JOIN accounts a ON a.id = u.account_id
    ORDER BY u.created_at, u.account_id
    """,
    UserRow,
)
USER_BY_NAME = Query(
    f"""
    SELECT {_USER} FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE lower(a.username) = lower($1) AND a.domain IS NULL
    """,
    UserRow,
)
USER_BY_EMAIL = Query(
    f"""
    SELECT {_USER} FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE lower(u.email) = lower($1)
    """,
    UserRow,
)
USER_BY_ID = Query(
    f"""
    SELECT {_USER} FROM users u JOIN accounts a ON a.id = u.account_id WHERE u.account_id = $1
    """,
    UserRow,
)


@dataclass(frozen=True, slots=True)
class LoginRow:
    """What decides whether somebody may sign in."""

    account_id: int
    password_hash: str
    allowed: bool


_LOGIN = """u.account_id, u.password_hash,
    (u.confirmed_at IS NOT NULL AND u.approved_at IS NOT NULL AND u.disabled_at IS NULL
     AND a.suspended_at IS NULL AND a.deleted_at IS NULL) AS allowed"""

LOGIN_BY_EMAIL = Query(
    f"""
    SELECT {_LOGIN} FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE lower(u.email) = lower($1)
    """,
    LoginRow,
)
LOGIN_BY_NAME = Query(
    f"""
    SELECT {_LOGIN} FROM users u JOIN accounts a ON a.id = u.account_id
    WHERE lower(a.username) = lower($1) AND a.domain IS NULL
    """,
    LoginRow,
)

# By an account, or by somebody whose sign-up is not finished.
USERNAME_TAKEN = Value(
    """
    SELECT EXISTS (SELECT 1 FROM accounts WHERE lower(username) = lower($1) AND domain IS NULL)
        OR EXISTS (SELECT 1 FROM sign_ups WHERE lower(username) = lower($1))
    """,
    bool,
)
EMAIL_TAKEN = Value(
    """
    SELECT EXISTS (SELECT 1 FROM users WHERE lower(email) = lower($1))
        OR EXISTS (SELECT 1 FROM sign_ups WHERE lower(email) = lower($1))
    """,
    bool,
)

INSERT_USER = Command(
    """
    INSERT INTO users (account_id, email, password_hash, role, confirmed_at, approved_at,
        created_at, last_active_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
    """
)
PASSWORD_HASH = Value("SELECT password_hash FROM users WHERE account_id = $1", str)
SET_EMAIL = Command("UPDATE users SET email = $2 WHERE account_id = $1")
ASK_FOR_DELETION = Command(
    "UPDATE users SET deletion_requested_at = coalesce(deletion_requested_at, $2)"
    " WHERE account_id = $1"
)
CANCEL_DELETION = Command(
    "UPDATE users SET deletion_requested_at = NULL"
    " WHERE account_id = $1 AND deletion_requested_at IS NOT NULL"
)
# Accounts whose people asked before $1 to be deleted.
DUE_DELETIONS = Value(
    """
    SELECT account_id FROM users WHERE deletion_requested_at <= $1
    ORDER BY deletion_requested_at LIMIT 20
    """,
    int,
)
DELETE_USER = Command("DELETE FROM users WHERE account_id = $1")
SET_PASSWORD = Command("UPDATE users SET password_hash = $2 WHERE account_id = $1")
# A stronger hash of the same password; never over one that was set in the meantime.
REPLACE_HASH = Command(
    "UPDATE users SET password_hash = $3 WHERE account_id = $1 AND password_hash = $2"
)
# The account is written anew, since what is shown of it changes.
SET_ROLE = Command(
    """
    WITH shown AS (UPDATE accounts SET locked = locked WHERE id = $1)
    UPDATE users SET role = $2 WHERE account_id = $1
    """
)
OWNER_EXISTS = Value("SELECT EXISTS (SELECT 1 FROM users WHERE role = 'owner')", bool)

DELETE_UNUSED_INVITATIONS = Command("DELETE FROM invitations WHERE role = $1 AND used_at IS NULL")
INSERT_INVITATION = Command(
    "INSERT INTO invitations (token_hash, role, created_at, expires_at) VALUES ($1, $2, $3, $4)"
)
# $1 hash, $2 now. An owner's invitation is void once there is an owner.
_USABLE = """token_hash = $1 AND used_at IS NULL AND (expires_at IS NULL OR expires_at > $2)
    AND (role <> 'owner' OR NOT EXISTS (SELECT 1 FROM users WHERE role = 'owner'))"""
INVITATION_ROLE = Value(f"SELECT role FROM invitations WHERE {_USABLE}", str)
TAKE_INVITATION = Value(f"UPDATE invitations SET used_at = $2 WHERE {_USABLE} RETURNING role", str)

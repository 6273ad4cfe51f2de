"""Applications, authorization codes, access tokens and sessions on the web; secrets as hashes."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """A registered client (RFC 6749 §2)."""

    id: int
    client_id: str
    secret_hash: bytes
    name: str
    website: str | None
    redirect_uris: list[str]
    scopes: str
    created_at: datetime


_APPLICATION = ", ".join(f"o.{name}" for name in ApplicationRow.__dataclass_fields__)

APPLICATION_BY_ID = Query(
    f"SELECT {_APPLICATION} FROM oauth_applications o WHERE o.id = $1", ApplicationRow
)
APPLICATION_BY_CLIENT_ID = Query(
    f"SELECT {_APPLICATION} FROM oauth_applications o WHERE o.client_id = $1", ApplicationRow
)
INSERT_APPLICATION = Command(
    """
    INSERT INTO oauth_applications (id, client_id, secret_hash, name, website, redirect_uris,
        scopes, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """
)


@dataclass(frozen=True, slots=True)
class CodeRow:
    """An authorization code (RFC 6749 §4.1.2) with its PKCE challenge (RFC 7636)."""

    application_id: int
    account_id: int
    redirect_uri: str
    scopes: str
    code_challenge: str | None
    expires_at: datetime


INSERT_CODE = Command(
    """
    INSERT INTO oauth_codes (code_hash, application_id, account_id, redirect_uri, scopes,
        code_challenge, code_challenge_method, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """
)
# A code serves once, whatever comes of it: who takes it has removed it.
TAKE_CODE = Query(
    """
    DELETE FROM oauth_codes WHERE code_hash = $1 AND application_id = $2
    RETURNING application_id, account_id, redirect_uri, scopes, code_challenge, expires_at
    """,
    CodeRow,
)
DELETE_CODES_OF_ACCOUNT = Command("DELETE FROM oauth_codes WHERE account_id = $1")


@dataclass(frozen=True, slots=True)
class TokenRow:
    """An access token and what decides whether its person may use it."""

    id: int
    application_id: int
    account_id: int | None
    scopes: str
    last_used_at: datetime | None
    confirmed: bool
    approved: bool
    disabled: bool
    suspended: bool
    sign_up_id: int | None


# An account without a user is one of a peer, or deleted: nobody may act as it.
TOKEN_BY_HASH = Query(
    """
    SELECT t.id, t.application_id, t.account_id, t.scopes, t.last_used_at,
        coalesce(u.confirmed_at, w.confirmed_at) IS NOT NULL AS confirmed,
        u.approved_at IS NOT NULL AS approved,
        (u.disabled_at IS NOT NULL OR (t.account_id IS NOT NULL AND u.account_id IS NULL))
            AS disabled,
        (a.suspended_at IS NOT NULL OR a.deleted_at IS NOT NULL) AS suspended, t.sign_up_id
    FROM oauth_tokens t
    LEFT JOIN users u ON u.account_id = t.account_id
    LEFT JOIN accounts a ON a.id = t.account_id
    LEFT JOIN sign_ups w ON w.id = t.sign_up_id
    WHERE t.token_hash = $1
    """,
    TokenRow,
)
# $1 token, $2 account or NULL, $3 now.
TOUCH_TOKEN = Command(
    """
    WITH used AS (UPDATE oauth_tokens SET last_used_at = $3 WHERE id = $1),
    week AS (
        INSERT INTO active_weeks (week, account_id)
        SELECT date_trunc('week', $3::timestamptz AT TIME ZONE 'UTC')::date, u.account_id
        FROM users u WHERE u.account_id = $2
        ON CONFLICT DO NOTHING
    )
    UPDATE users SET last_active_at = greatest(last_active_at, $3) WHERE account_id = $2
    """
)
INSERT_TOKEN = Command(
    """
    INSERT INTO oauth_tokens (id, token_hash, application_id, account_id, scopes, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
INSERT_SIGN_UP_TOKEN = Command(
    """
    INSERT INTO oauth_tokens (id, token_hash, application_id, sign_up_id, scopes, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
# $1 hash, $2 application: gives the id of the token that was removed.
REVOKE_TOKEN = Value(
    "DELETE FROM oauth_tokens WHERE token_hash = $1 AND application_id = $2 RETURNING id", int
)
TOKEN_EXISTS = Value("SELECT true FROM oauth_tokens WHERE token_hash = $1", bool)
DELETE_TOKENS_OF_ACCOUNT = Command("DELETE FROM oauth_tokens WHERE account_id = $1")


@dataclass(frozen=True, slots=True)
class SessionRow:
    """Somebody signed in with a browser."""

    account_id: int
    username: str
    role: str
    id: int


INSERT_SESSION = Command(
    """
    INSERT INTO web_sessions (token_hash, account_id, created_at, expires_at, user_agent, address)
    VALUES ($1, $2, $3, $4, $5, $6)
    """
)
# $1 hash, $2 now. Nobody whose login is disabled, and no suspended or deleted account.
SESSION_BY_HASH = Query(
    """
    SELECT w.account_id, a.username, u.role, w.id
    FROM web_sessions w
    JOIN users u ON u.account_id = w.account_id
    JOIN accounts a ON a.id = w.account_id
    WHERE w.token_hash = $1 AND w.expires_at > $2 AND u.disabled_at IS NULL
      AND u.confirmed_at IS NOT NULL AND u.approved_at IS NOT NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    """,
    SessionRow,
)
DELETE_SESSION = Command("DELETE FROM web_sessions WHERE token_hash = $1")
DELETE_SESSIONS_OF_ACCOUNT = Command("DELETE FROM web_sessions WHERE account_id = $1")


@dataclass(frozen=True, slots=True)
class BrowserRow:
    """A browser that a person is signed in with."""

    id: int
    user_agent: str
    address: str
    created_at: datetime


BROWSERS = Query(
    """
    SELECT id, user_agent, address, created_at FROM web_sessions
    WHERE account_id = $1 AND expires_at > $2 ORDER BY created_at DESC, id DESC
    """,
    BrowserRow,
)
DELETE_BROWSER = Command("DELETE FROM web_sessions WHERE id = $1 AND account_id = $2")
DELETE_OTHER_SESSIONS = Command("DELETE FROM web_sessions WHERE account_id = $1 AND id <> $2")


@dataclass(frozen=True, slots=True)
class AuthorisedRow:
    """An application that acts for a person, with all of its tokens together."""

    id: int
    name: str
    website: str | None
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None


AUTHORISED_APPLICATIONS = Query(
    """
    SELECT o.id, o.name, o.website, array_agg(DISTINCT x.scope) AS scopes,
        min(t.created_at) AS created_at, max(t.last_used_at) AS last_used_at
    FROM oauth_tokens t JOIN oauth_applications o ON o.id = t.application_id
    CROSS JOIN LATERAL unnest(string_to_array(t.scopes, ' ')) AS x (scope)
    WHERE t.account_id = $1 GROUP BY o.id ORDER BY created_at DESC, o.id DESC
    """,
    AuthorisedRow,
)
# Gives the ids of the tokens that are gone.
REVOKE_APPLICATION = Value(
    "DELETE FROM oauth_tokens WHERE account_id = $1 AND application_id = $2 RETURNING id", int
)


@dataclass(frozen=True, slots=True)
class TokenFactsRow:
    """What is told of a token."""

    client_id: str
    account_id: int | None
    scopes: str
    created_at: datetime


_TOKEN_FACTS = """SELECT o.client_id, t.account_id, t.scopes, t.created_at
    FROM oauth_tokens t JOIN oauth_applications o ON o.id = t.application_id"""
TOKEN_FACTS = Query(f"{_TOKEN_FACTS} WHERE t.token_hash = $1", TokenFactsRow)
TOKEN_FACTS_BY_ID = Query(f"{_TOKEN_FACTS} WHERE t.id = $1", TokenFactsRow)

"""What people sign in with beside a password: one-time codes, recovery codes, passkeys."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class TotpRow:
    """The wrapped secret of a person's one-time codes; `enabled_at` None: not confirmed yet."""

    secret: bytes | None
    enabled_at: datetime | None


TOTP = Query(
    "SELECT totp_secret AS secret, totp_enabled_at AS enabled_at FROM users WHERE account_id = $1",
    TotpRow,
)
HAS_SECOND_FACTOR = Value(
    "SELECT totp_enabled_at IS NOT NULL FROM users WHERE account_id = $1", bool
)
# One that is in use already is never replaced unseen.
PUT_TOTP_SECRET = Command(
    """
    UPDATE users SET totp_secret = $2, totp_last_step = NULL
    WHERE account_id = $1 AND totp_enabled_at IS NULL
    """
)
ENABLE_TOTP = Command(
    """
    UPDATE users SET totp_enabled_at = $2, totp_last_step = $3
    WHERE account_id = $1 AND totp_enabled_at IS NULL AND totp_secret IS NOT NULL
    """
)
DISABLE_TOTP = Command(
    """
    UPDATE users SET totp_secret = NULL, totp_enabled_at = NULL, totp_last_step = NULL
    WHERE account_id = $1 AND totp_enabled_at IS NOT NULL
    """
)
# A code serves once: $2 is its time step, and earlier ones are over with it (RFC 6238 §5.2).
USE_TOTP_STEP = Command(
    """
    UPDATE users SET totp_last_step = $2
    WHERE account_id = $1 AND totp_enabled_at IS NOT NULL
      AND (totp_last_step IS NULL OR totp_last_step < $2)
    """
)

INSERT_RECOVERY_CODES = Command(
    "INSERT INTO recovery_codes (account_id, code_hash) SELECT $1, unnest($2::bytea[])"
)
DELETE_RECOVERY_CODES = Command("DELETE FROM recovery_codes WHERE account_id = $1")
TAKE_RECOVERY_CODE = Command("DELETE FROM recovery_codes WHERE account_id = $1 AND code_hash = $2")
COUNT_RECOVERY_CODES = Value("SELECT count(*) FROM recovery_codes WHERE account_id = $1", int)


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey (WebAuthn credential) that a person signs in with."""

    id: int
    account_id: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


_PASSKEY = ", ".join(f"k.{name}" for name in PasskeyRow.__dataclass_fields__)

PASSKEYS = Query(
    f"SELECT {_PASSKEY} FROM passkeys k WHERE k.account_id = $1 ORDER BY k.id", PasskeyRow
)
# Of somebody who may sign in; $1 the credential's id.
PASSKEY = Query(
    f"""
    SELECT {_PASSKEY} FROM passkeys k
    JOIN users u ON u.account_id = k.account_id JOIN accounts a ON a.id = k.account_id
    WHERE k.credential_id = $1 AND u.confirmed_at IS NOT NULL AND u.approved_at IS NOT NULL
      AND u.disabled_at IS NULL AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    """,
    PasskeyRow,
)
INSERT_PASSKEY = Command(
    """
    INSERT INTO passkeys (id, account_id, credential_id, public_key, sign_count, name, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
)
USE_PASSKEY = Command("UPDATE passkeys SET sign_count = $2, last_used_at = $3 WHERE id = $1")
DELETE_PASSKEY = Command("DELETE FROM passkeys WHERE id = $1 AND account_id = $2")

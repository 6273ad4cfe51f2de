"""Idempotency keys of posts: kept in the transaction of the post they name."""

from storage.query import Command, Value

STATUS_OF_KEY = Value(
    "SELECT status_id FROM idempotency_keys WHERE account_id = $1 AND key = $2", int
)
# Waits for a parallel request with the same key, and then touches no row.
CLAIM_KEY = Command(
    """
    INSERT INTO idempotency_keys (account_id, key, status_id, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
    """
)
FORGET_OLD_KEYS = Command("DELETE FROM idempotency_keys WHERE created_at < $1")

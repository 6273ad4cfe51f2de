"""The logical minimum: who our people are, with their keys, relations and sessions, and how to
reach those who follow them. About 4 kB a person; it fits into any later version of the schema."""

from typing import Any, Final

from storage.database import Transaction
from storage.query import Command, Value

_OURS: Final = "SELECT id FROM accounts WHERE domain IS NULL"
# Those that our people follow or are followed by.
_KNOWN: Final = f"""
    SELECT id FROM accounts WHERE domain IS NULL
    UNION SELECT target_id FROM follows WHERE account_id IN ({_OURS})
    UNION SELECT account_id FROM follows WHERE target_id IN ({_OURS})
"""


def _lines(table: str, where: str = "true") -> Value[str]:
    return Value(
        f"""
        SELECT json_build_object('table', '{table}', 'row', to_json(t))::text
        FROM {table} t WHERE {where}
        """,
        str,
    )


# In an order in which each row's references are there before it.
INSTANCE_RECOVERIES = _lines("instance_recovery")
HOSTS = _lines("hosts")
ACCOUNTS = _lines("accounts", f"id IN ({_KNOWN})")
IDENTITIES = _lines("identities", f"account_id IN ({_KNOWN})")
KEYS = _lines("actor_keys", f"account_id IN ({_KNOWN})")
FOLLOWS = _lines("follows", f"account_id IN ({_OURS}) OR target_id IN ({_OURS})")
BLOCKS = _lines("blocks", f"account_id IN ({_OURS}) OR target_id IN ({_OURS})")
USERS = _lines("users")
APPLICATIONS = _lines("oauth_applications")
TOKENS = _lines("oauth_tokens")
PUSH_KEYS = _lines("push_keys")
PUSH = _lines("push_subscriptions")
PASSKEYS = _lines("passkeys")
RECOVERY_CODES = _lines("recovery_codes")
PARTS: Final = (
    *(INSTANCE_RECOVERIES, HOSTS, ACCOUNTS, IDENTITIES, KEYS, FOLLOWS, BLOCKS, USERS),
    *(APPLICATIONS, TOKENS, PUSH_KEYS, PUSH, PASSKEYS, RECOVERY_CODES),
)

AS_IT_WAS = Command("SET LOCAL session_replication_role = replica")
COLUMNS = Value(
    """
    SELECT column_name::text FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = $1 AND is_generated = 'NEVER'
    """,
    str,
)
TABLES: Final = (
    *("instance_recovery", "hosts", "accounts", "identities", "actor_keys", "follows", "blocks"),
    *("users", "oauth_applications", "oauth_tokens", "push_keys", "push_subscriptions"),
    *("passkeys", "recovery_codes"),
)


async def insert_rows(tx: Transaction, table: str, rows: list[dict[str, Any]]) -> int:
    """Insert rows of one table, as an older schema wrote them: what it did not have gets its
    default. What is there already stays. Raises ValueError for a table that is no part of it."""
    if table not in TABLES:
        raise ValueError(f"{table} is no table of the minimum")
    known = set(await tx.values(COLUMNS, table))
    columns = ", ".join(sorted(known & rows[0].keys()))
    insert = Command(
        f"INSERT INTO {table} ({columns}) SELECT {columns}"
        f" FROM jsonb_populate_recordset(NULL::{table}, $1) ON CONFLICT DO NOTHING"
    )
    return await tx.execute(insert, rows)

"""Contracts between instances that keep things for each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class ContractRow:
    """What we and another instance agreed on, or are about to."""

    id: int
    host: str
    actor_uri: str
    state: str
    offer: dict[str, Any] | None
    offered_by_us: bool
    agreement: dict[str, Any] | None
    kept_quota: int
    given_quota: int
    classes: list[str]
    retention_days: int
    recovery_did: str | None
    kept_bytes: int
    last_error: str | None
    changed_at: datetime


_COLUMNS = ", ".join(f"c.{name}" for name in ContractRow.__dataclass_fields__)

CONTRACTS = Query(f"SELECT {_COLUMNS} FROM mirror_contracts c ORDER BY c.host", ContractRow)
CONTRACT_WITH = Query(f"SELECT {_COLUMNS} FROM mirror_contracts c WHERE c.host = $1", ContractRow)
CONTRACT_OF_ACTOR = Query(
    f"SELECT {_COLUMNS} FROM mirror_contracts c WHERE c.actor_uri = $1", ContractRow
)
# For whom nothing is kept unless there was an agreement once.
CONTRACTS_OF_RECOVERY_KEY = Query(
    f"""
    SELECT {_COLUMNS} FROM mirror_contracts c
    WHERE c.recovery_did = $1 AND c.agreement IS NOT NULL
    """,
    ContractRow,
)
LOCK_CONTRACT = Query(
    f"SELECT {_COLUMNS} FROM mirror_contracts c WHERE c.id = $1 FOR UPDATE", ContractRow
)
OPEN_OFFERS = Value("SELECT count(*) FROM mirror_contracts WHERE state = 'asked'", int)

# $1 id, $2 host, $3 actor, $4 state, $5 offer, $6 whether it is ours, $7 now. What was agreed stays
# in force until the new offer is accepted.
PUT_OFFER = Command(
    """
    INSERT INTO mirror_contracts
        (id, host, actor_uri, state, offer, offered_by_us, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
    ON CONFLICT (host) DO UPDATE SET offer = excluded.offer, changed_at = excluded.changed_at,
        offered_by_us = excluded.offered_by_us, actor_uri = excluded.actor_uri,
        state = CASE WHEN mirror_contracts.state = 'agreed' THEN 'agreed' ELSE excluded.state END
    """
)
# $1 host, $2 agreement, $3 what we keep, $4 what is kept for us, $5 classes, $6 days, $7 their
# recovery key, $8 now. Everything is brought anew: what the old terms had no room for, too.
AGREE = Command(
    """
    UPDATE mirror_contracts SET state = 'agreed', offer = NULL, agreement = $2, kept_quota = $3,
        given_quota = $4, classes = $5, retention_days = $6, recovery_did = $7, changed_at = $8,
        next_try_at = $8, failures = 0, last_error = NULL, activities_sent = 0
    WHERE host = $1
    """
)
# What was kept until now goes after the days that were agreed on.
END_CONTRACT = Command(
    """
    WITH ended AS (
        UPDATE mirror_contracts SET state = 'ended', offer = NULL, changed_at = $2
        WHERE host = $1 AND state <> 'ended' RETURNING id, retention_days
    )
    UPDATE mirror_chunks k SET remove_after = $2 + make_interval(days => e.retention_days)
    FROM ended e WHERE k.contract_id = e.id AND k.remove_after IS NULL
    """
)

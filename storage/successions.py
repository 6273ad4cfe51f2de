"""By whose word an instance goes on elsewhere: successors named ahead, recovery keys of peers, and
where these went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value

PUT_SUCCESSOR_STATEMENT = Command(
    "INSERT INTO successor_statements (statement, created_at) VALUES ($1, $2)"
)


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A signed list of successors."""

    statement: dict[str, Any]
    created_at: datetime


SUCCESSOR_STATEMENT = Query(
    "SELECT statement, created_at FROM successor_statements ORDER BY id DESC LIMIT 1", StatementRow
)

PINNED_DID = Value("SELECT recovery_did FROM hosts WHERE host = $1", str)
# $1 host, $2 did, $3 the did that may be replaced (NULL: none), $4 now.
PIN_DID = Command(
    """
    INSERT INTO hosts (host, first_seen_at, recovery_did) VALUES ($1, $4, $2)
    ON CONFLICT (host) DO UPDATE SET recovery_did = $2
    WHERE hosts.recovery_did IS NULL OR hosts.recovery_did = $3
    """
)


@dataclass(frozen=True, slots=True)
class PeerEvacuationRow:
    """Where a peer went on, by the word of its recovery key."""

    old_host: str
    new_host: str
    epoch: int


PEER_EVACUATION = Query(
    "SELECT old_host, new_host, epoch FROM peer_evacuations WHERE old_host = $1", PeerEvacuationRow
)
# $1 old host, $2 new host, $3 epoch, $4 certificate, $5 now.
PUT_PEER_EVACUATION = Command(
    """
    INSERT INTO peer_evacuations (old_host, new_host, epoch, certificate, learnt_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (old_host) DO UPDATE SET new_host = excluded.new_host, epoch = excluded.epoch,
        certificate = excluded.certificate, learnt_at = excluded.learnt_at
    WHERE excluded.epoch > peer_evacuations.epoch
    """
)

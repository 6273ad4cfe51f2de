"""Other addresses of servers: the list that we publish, and those of peers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class OwnDoorsRow:
    """The list as it is published, with its signature."""

    alternates: list[str]
    sequence: int
    statement: dict[str, Any]
    expires_at: datetime


OWN_DOORS = Query("SELECT alternates, sequence, statement, expires_at FROM own_doors", OwnDoorsRow)
# $1 alternates, $2 sequence, $3 statement, $4 now, $5 expires. Of two at once the later one stays.
PUT_OWN_DOORS = Command(
    """
    INSERT INTO own_doors (alternates, sequence, statement, signed_at, expires_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (single) DO UPDATE SET alternates = $1, sequence = $2, statement = $3,
        signed_at = $4, expires_at = $5
    WHERE own_doors.sequence < $2
    """
)


@dataclass(frozen=True, slots=True)
class PeerDoorsRow:
    """What a peer's list said last, and which keys may change it."""

    host: str
    key_did: str
    recovery_did: str | None
    alternates: list[str]
    sequence: int
    expires_at: datetime


_COLUMNS = ", ".join(PeerDoorsRow.__dataclass_fields__)

PEER_DOORS = Query(f"SELECT {_COLUMNS} FROM peer_doors WHERE host = $1", PeerDoorsRow)
# $1 host, $2 key, $3 recovery key or NULL, $4 alternates, $5 sequence, $6 expires, $7 now. A list
# that another process learnt meanwhile stays if it is newer and its time is not over.
PUT_PEER_DOORS = Command(
    """
    INSERT INTO peer_doors
        (host, key_did, recovery_did, alternates, sequence, expires_at, learned_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (host) DO UPDATE SET key_did = $2, recovery_did = $3, alternates = $4,
        sequence = $5, expires_at = $6, learned_at = $7
    WHERE peer_doors.sequence < $5 OR peer_doors.expires_at <= $7
    """
)
# $1 host, $2 now.
DOORS_OF = Value(
    "SELECT unnest(alternates) FROM peer_doors WHERE host = $1 AND expires_at > $2", str
)

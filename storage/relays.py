"""Relays: servers that pass public posts on to all who subscribe (FEP-ae0c)."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class RelayRow:
    """A relay that we asked, and what it said."""

    id: int
    inbox_url: str
    actor_uri: str | None
    audience_url: str | None
    style: str
    follow_uri: str
    state: str
    created_at: datetime


_COLUMNS = ", ".join(f"r.{name}" for name in RelayRow.__dataclass_fields__)

RELAYS = Query(f"SELECT {_COLUMNS} FROM relays r ORDER BY r.id", RelayRow)
RELAY_BY_ADDRESS = Query(
    f"SELECT {_COLUMNS} FROM relays r WHERE r.inbox_url = $1 OR r.actor_uri = $1", RelayRow
)
# $1 id of our Follow or NULL, $2 who answers: the relay's actor, where we know it.
RELAY_ASKED = Query(
    f"""
    SELECT {_COLUMNS} FROM relays r WHERE r.follow_uri = $1 OR r.actor_uri = $2
    ORDER BY r.follow_uri = $1 DESC NULLS LAST LIMIT 1
    """,
    RelayRow,
)
INSERT_RELAY = Command(
    """
    INSERT INTO relays (id, inbox_url, actor_uri, audience_url, style, follow_uri, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT DO NOTHING
    """
)
# $1 relay, $2 state, $3 who said so.
ANSWER_RELAY = Command(
    """
    UPDATE relays SET state = $2, actor_uri = $3
    WHERE id = $1 AND (state <> $2 OR actor_uri IS DISTINCT FROM $3)
    """
)
DELETE_RELAY = Command("DELETE FROM relays WHERE id = $1")
ACCEPTED_RELAYS = Query(
    f"SELECT {_COLUMNS} FROM relays r WHERE r.state = 'accepted' ORDER BY r.id", RelayRow
)
IS_RELAY = Value(
    "SELECT EXISTS (SELECT 1 FROM relays WHERE actor_uri = $1 AND state = 'accepted')", bool
)

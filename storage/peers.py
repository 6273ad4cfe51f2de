"""How we stand with each peer, for the admin; and the last refusals either way."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query

REFUSALS_KEPT = 20


@dataclass(frozen=True, slots=True)
class PeerRow:
    """A host as it was met. `waiting` counts to a hundred thousand; `rule` is the admin's."""

    host: str
    software: str | None
    software_version: str | None
    dialect: str
    fetch_dialect: str
    last_success_at: datetime | None
    last_failure_at: datetime | None
    last_error: str | None
    failures: int
    failing_since: datetime | None
    next_try_at: datetime | None
    parked_at: datetime | None
    is_behind: bool
    gone_at: datetime | None
    rule: str | None
    waiting: int


# $1 only this host and those below it, or NULL; $2 only those in trouble.
PEERS_IN_DETAIL = Query(
    """
    SELECT h.host, h.software, h.software_version, h.dialect, h.fetch_dialect, h.last_success_at,
        h.last_failure_at, h.last_error, h.failures, h.failing_since, h.next_try_at, h.parked_at,
        h.missed_from IS NOT NULL AS is_behind, h.gone_at, domain_severity(h.host) AS rule,
        (SELECT count(*)::int FROM (
            SELECT FROM deliveries d WHERE d.host = h.host LIMIT 100000) w) AS waiting
    FROM hosts h
    WHERE ($1::text IS NULL OR $1 = ANY (domains_above(h.host)))
      AND (NOT $2 OR h.failures > 0 OR h.parked_at IS NOT NULL OR h.gone_at IS NOT NULL)
    ORDER BY h.host
    """,
    PeerRow,
)


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Something that one side would not take from the other."""

    host: str
    refused_by: str
    activity: str
    reason: str
    refused_at: datetime


REFUSALS_OF_HOSTS = Query(
    """
    SELECT host, refused_by, activity, reason, refused_at FROM refusals
    WHERE host = ANY ($1::text[]) ORDER BY host, id DESC
    """,
    RefusalRow,
)
# $1 host, $2 by whom, $3 type of the activity, $4 why, $5 now. Of hosts we know, a few for each.
NOTE_REFUSED = Command(
    f"""
    WITH noted AS (
        INSERT INTO refusals (host, refused_by, activity, reason, refused_at)
        SELECT $1, $2, $3, left($4, 300), $5 WHERE EXISTS (SELECT 1 FROM hosts WHERE host = $1)
    )
    DELETE FROM refusals WHERE id IN (
        SELECT id FROM refusals WHERE host = $1 ORDER BY id DESC OFFSET {REFUSALS_KEPT - 1})
    """
)

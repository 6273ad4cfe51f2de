"""What is known of each peer, and the lane in which it is delivered to."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value

FETCH_DIALECT_OF = Value("SELECT fetch_dialect FROM hosts WHERE host = $1", str)
REMEMBER_FETCH_DIALECT = Command(
    """
    INSERT INTO hosts (host, fetch_dialect, first_seen_at) VALUES ($1, $2, $3)
    ON CONFLICT (host) DO UPDATE SET fetch_dialect = excluded.fetch_dialect
    """
)
REMEMBER_DIALECT = Command(
    """
    INSERT INTO hosts (host, dialect, first_seen_at) VALUES ($1, $2, $3)
    ON CONFLICT (host) DO UPDATE SET dialect = excluded.dialect
    """
)
# Any sign of life of a peer ends its waiting time, and tells who delivers; at most one write a
# minute.
HEARD_FROM = Command(
    """
    WITH heard AS (
        INSERT INTO hosts (host, first_seen_at, last_success_at) VALUES ($1, $2, $2)
        ON CONFLICT (host) DO UPDATE
            SET last_success_at = $2, failures = 0, gone_at = NULL,
                next_try_at = CASE WHEN hosts.failures > 0 AND hosts.next_try_at IS NOT NULL
                    THEN $2 ELSE hosts.next_try_at END
            WHERE hosts.last_success_at IS NULL OR hosts.last_success_at < $2 - interval '1 minute'
               OR hosts.failures > 0
        RETURNING next_try_at
    )
    SELECT pg_notify('fedserver_deliveries', '') FROM heard WHERE next_try_at = $2
    """
)
# $1 known before this is old, $2 how many.
HOSTS_TO_ASK = Value(
    """
    SELECT host FROM hosts WHERE gone_at IS NULL AND (nodeinfo_at IS NULL OR nodeinfo_at < $1)
    ORDER BY nodeinfo_at NULLS FIRST LIMIT $2
    """,
    str,
)
LEARN_SOFTWARE = Command(
    """
    INSERT INTO hosts (host, software, software_version, nodeinfo_at, first_seen_at)
    VALUES ($1, $2, $3, $4, $4)
    ON CONFLICT (host) DO UPDATE SET nodeinfo_at = $4,
        software = coalesce($2, hosts.software),
        software_version = coalesce($3, hosts.software_version)
    """
)


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A host with deliveries that wait, leased to this process."""

    host: str
    dialect: str
    failures: int
    last_success_at: datetime | None
    first_seen_at: datetime


# $1 now, $2 lease until, $3 how many.
LEASE_LANES = Query(
    """
    UPDATE hosts h SET leased_until = $2
    FROM (
        SELECT host FROM hosts
        WHERE next_try_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)
        ORDER BY next_try_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE h.host = due.host
    RETURNING h.host, h.dialect, h.failures, h.last_success_at, h.first_seen_at
    """,
    LaneRow,
)
RELEASE_LANE = Command("UPDATE hosts SET leased_until = NULL WHERE host = $1")
RENEW_LEASE = Command("UPDATE hosts SET leased_until = $2 WHERE host = $1")
NEXT_LANE_AT = Value(
    """
    SELECT min(greatest(next_try_at, leased_until)) FROM hosts WHERE next_try_at IS NOT NULL
    """,
    datetime,
)
# Before CLOSE_LANES, in the same transaction: it then sees what others added before this lock.
LOCK_LANES = Command("SELECT FROM hosts WHERE host = ANY($1::text[]) ORDER BY host FOR UPDATE")
# $1 hosts, $2 which of them took something, $3 now. An emptied lane sleeps; what was added
# meanwhile keeps it awake. Gives the lanes that are awake.
CLOSE_LANES = Value(
    """
    WITH closed AS (
        UPDATE hosts h SET leased_until = NULL, failures = 0,
            last_success_at = CASE WHEN x.succeeded THEN $3 ELSE h.last_success_at END,
            next_try_at = CASE WHEN EXISTS (SELECT 1 FROM deliveries d WHERE d.host = h.host)
                THEN h.next_try_at END
        FROM unnest($1::text[], $2::boolean[]) AS x (host, succeeded)
        WHERE h.host = x.host
        RETURNING h.host, h.next_try_at
    )
    SELECT host FROM closed WHERE next_try_at IS NOT NULL
    """,
    str,
)
POSTPONE_LANE = Command(
    """
    UPDATE hosts SET leased_until = NULL, failures = $5, next_try_at = $2,
        last_failure_at = $3, last_error = $4
    WHERE host = $1
    """
)
NOTE_REFUSAL = Command("UPDATE hosts SET last_failure_at = $2, last_error = $3 WHERE host = $1")
HOST_GONE = Command(
    """
    WITH dropped AS (DELETE FROM deliveries WHERE host = $1)
    UPDATE hosts SET leased_until = NULL, next_try_at = NULL, gone_at = $2, last_error = $3
    WHERE host = $1
    """
)

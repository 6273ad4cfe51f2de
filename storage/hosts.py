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
# minute. A host that speaks but takes nothing is tried no more often than one that is silent.
HEARD_FROM = Command(
    """
    WITH heard AS (
        INSERT INTO hosts (host, first_seen_at, last_success_at) VALUES ($1, $2, $2)
        ON CONFLICT (host) DO UPDATE
            SET last_success_at = $2, gone_at = NULL,
                next_try_at = CASE WHEN hosts.next_try_at IS NOT NULL AND (
                        hosts.failures BETWEEN 1 AND 2
                        OR hosts.last_failure_at < $2 - interval '15 minutes')
                    THEN least(hosts.next_try_at, $2) ELSE hosts.next_try_at END
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
    failing_since: datetime | None
    missed_from: int | None
    on_trial: bool


# A host that failed, or was never heard of: it gets one of the places for those, so that however
# many they are they hold up nobody else.
_ON_TRIAL = "(failures > 0 OR last_success_at IS NULL)"
_DUE = "next_try_at <= $1 AND (leased_until IS NULL OR leased_until <= $1)"
# $1 now, $2 lease until, $3 how many of those that are well, $4 how many of those on trial.
LEASE_LANES = Query(
    f"""
    WITH well AS (
        SELECT host, false AS on_trial FROM hosts WHERE {_DUE} AND NOT {_ON_TRIAL}
        ORDER BY next_try_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ), on_trial AS (
        SELECT host, true AS on_trial FROM hosts WHERE {_DUE} AND {_ON_TRIAL}
        ORDER BY failures > 0, next_try_at LIMIT $4 FOR UPDATE SKIP LOCKED
    )
    UPDATE hosts h SET leased_until = $2
    FROM (SELECT * FROM well UNION ALL SELECT * FROM on_trial) due
    WHERE h.host = due.host
    RETURNING h.host, h.dialect, h.failures, h.failing_since, h.missed_from, due.on_trial
    """,
    LaneRow,
)
RELEASE_LANE = Command("UPDATE hosts SET leased_until = NULL WHERE host = $1")
RENEW_LEASE = Command("UPDATE hosts SET leased_until = $2 WHERE host = $1")
# $1 whether there are places for those on trial, too.
NEXT_LANE_AT = Value(
    f"""
    SELECT min(greatest(next_try_at, leased_until)) FROM hosts
    WHERE next_try_at IS NOT NULL AND ($1 OR NOT {_ON_TRIAL})
    """,
    datetime,
)
# Before CLOSE_LANES, in the same transaction: it then sees what others added before this lock.
LOCK_LANES = Command("SELECT FROM hosts WHERE host = ANY($1::text[]) ORDER BY host FOR UPDATE")
# $1 hosts, $2 which of them took something, $3 now, $4 which of them answered. An emptied lane
# sleeps; what was added meanwhile keeps it awake, and what it missed wakes it in some seconds.
# Gives the lanes that are awake.
CLOSE_LANES = Value(
    """
    WITH closed AS (
        UPDATE hosts h SET leased_until = NULL,
            failures = CASE WHEN x.answered THEN 0 ELSE h.failures END,
            failing_since = CASE WHEN x.answered THEN NULL ELSE h.failing_since END,
            last_success_at = CASE WHEN x.succeeded THEN $3 ELSE h.last_success_at END,
            next_try_at = CASE
                WHEN EXISTS (SELECT 1 FROM deliveries d WHERE d.host = h.host) THEN h.next_try_at
                WHEN h.missed_from IS NOT NULL THEN $3 + interval '5 seconds' END
        FROM unnest($1::text[], $2::boolean[], $4::boolean[]) AS x (host, succeeded, answered)
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
        last_failure_at = $3, last_error = $4, failing_since = $6
    WHERE host = $1
    """
)
NOTE_REFUSAL = Command("UPDATE hosts SET last_failure_at = $2, last_error = $3 WHERE host = $1")
HOST_GONE = Command(
    """
    WITH dropped AS (DELETE FROM deliveries WHERE host = $1)
    UPDATE hosts SET leased_until = NULL, next_try_at = NULL, gone_at = $2, last_error = $3,
        parked_at = NULL, missed_from = NULL
    WHERE host = $1
    """
)

"""The instance goes on under another domain: what is planned, what was said to whom, who came."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value

# --- Where the instance is, and was ---

CURRENT_BASE = Value("SELECT base FROM instance_bases WHERE ended_at IS NULL", str)
FORMER_BASES = Value("SELECT base FROM instance_bases WHERE ended_at IS NOT NULL", str)


@dataclass(frozen=True, slots=True)
class EvacuationRow:
    """A move of the whole instance."""

    id: int
    old_base: str
    new_base: str
    epoch: int
    certificate: dict[str, Any] | None
    rate: float
    state: str
    created_at: datetime
    switched_at: datetime | None
    finished_at: datetime | None


_COLUMNS = ", ".join(EvacuationRow.__dataclass_fields__)

EVACUATION_UNDER_WAY = Query(
    f"SELECT {_COLUMNS} FROM evacuations WHERE state <> 'done'", EvacuationRow
)
LAST_EVACUATION = Query(
    f"SELECT {_COLUMNS} FROM evacuations ORDER BY id DESC LIMIT 1", EvacuationRow
)
CERTIFICATES = Query(
    f"SELECT {_COLUMNS} FROM evacuations WHERE certificate IS NOT NULL AND state <> 'preparing'"
    " ORDER BY id",
    EvacuationRow,
)
HIGHEST_EPOCH = Value("SELECT coalesce(max(epoch), 0) FROM evacuations", int)
# $1 old base, $2 new base, $3 epoch, $4 rate, $5 now.
BEGIN_EVACUATION = Value(
    """
    INSERT INTO evacuations (old_base, new_base, epoch, rate, created_at)
    VALUES ($1, $2, $3, $4, $5) RETURNING id
    """,
    int,
)
SET_CERTIFICATE = Command("UPDATE evacuations SET certificate = $2 WHERE id = $1")
SET_RATE = Command("UPDATE evacuations SET rate = $2 WHERE id = $1")
CANCEL_PREPARING = Command("DELETE FROM evacuations WHERE id = $1 AND state = 'preparing'")
MARK_SWITCHED = Command("UPDATE evacuations SET state = 'switched', switched_at = $2 WHERE id = $1")
MARK_SENDING = Command(
    "UPDATE evacuations SET state = 'sending' WHERE id = $1 AND state = 'switched'"
)
MARK_DONE = Command(
    """
    UPDATE evacuations e SET state = 'done', finished_at = $2
    WHERE e.id = $1 AND e.state = 'sending' AND NOT EXISTS (
        SELECT 1 FROM evacuation_messages m WHERE m.evacuation_id = e.id AND m.outcome IS NULL)
    """
)

# --- Keys, made before the switch ---

# Not those that are deleted: they answer under their old id, that they are gone.
_MOVES = "a.domain IS NULL AND a.deleted_at IS NULL AND starts_with(a.uri, $1 || '/')"
ACCOUNTS_TO_MOVE = Value(f"SELECT count(*)::int FROM accounts a WHERE {_MOVES}", int)
# $1 old base, $2 the evacuation, $3 how many.
ACCOUNTS_WITHOUT_KEYS = Value(
    f"""
    SELECT a.id FROM accounts a
    WHERE {_MOVES} AND NOT EXISTS (
        SELECT 1 FROM evacuation_keys k WHERE k.evacuation_id = $2 AND k.account_id = a.id)
    ORDER BY a.id LIMIT $3
    """,
    int,
)
# For a plan that is not carried out.
PRETEND_KEYS = Command(
    f"""
    INSERT INTO evacuation_keys (evacuation_id, account_id, rsa_public, rsa_private,
        ed25519_public, ed25519_private)
    SELECT $2, a.id, '', '', '', '' FROM accounts a WHERE {_MOVES} ON CONFLICT DO NOTHING
    """
)
# $1 the evacuation, $2 accounts, $3 to $6 their keys.
PUT_EVACUATION_KEYS = Command(
    """
    INSERT INTO evacuation_keys (evacuation_id, account_id, rsa_public, rsa_private,
        ed25519_public, ed25519_private)
    SELECT $1, k.* FROM unnest($2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::bytea[]) k
    ON CONFLICT DO NOTHING
    """
)
FORGET_EVACUATION_KEYS = Command("DELETE FROM evacuation_keys WHERE evacuation_id = $1")

# --- The switch: one transaction. $1 is the old base, $2 the new one where both are wanted ---

# Nobody is made between the last key and the switch.
LOCK_ACCOUNTS = Command(
    "LOCK TABLE accounts, identities, instance_bases IN SHARE ROW EXCLUSIVE MODE"
)
END_BASE = Command(
    """
    INSERT INTO instance_bases (base, ended_at) VALUES ($1, $2)
    ON CONFLICT (base) DO UPDATE SET ended_at = excluded.ended_at
    """
)
BEGIN_BASE = Command(
    """
    INSERT INTO instance_bases (base) VALUES ($1)
    ON CONFLICT (base) DO UPDATE SET ended_at = NULL
    """
)
# $3 the evacuation, $4 now.
OLD_IDENTITIES = Command(
    """
    UPDATE identities i SET state = 'zombie'
    FROM evacuation_keys k JOIN accounts a ON a.id = k.account_id
    WHERE k.evacuation_id = $1 AND i.account_id = a.id AND i.state = 'live'
    """
)
NEW_IDENTITIES = Command(
    """
    INSERT INTO identities (uri, account_id, username, domain, inbox_url, shared_inbox_url,
        created_at)
    SELECT rebased(a.uri, $1, $2), a.id, a.username, NULL, rebased(a.inbox_url, $1, $2),
        rebased(a.shared_inbox_url, $1, $2), $4
    FROM evacuation_keys k JOIN accounts a ON a.id = k.account_id
    WHERE k.evacuation_id = $3
    ON CONFLICT (uri) DO UPDATE SET state = 'live'
    """
)
# Where the instance was at the new base before, those keys count on.
NEW_KEYS = Command(
    """
    INSERT INTO actor_keys (uri, account_id, identity_uri, kind, public_key, private_key,
        created_at)
    SELECT rebased(a.uri, $1, $2) || v.fragment, a.id, rebased(a.uri, $1, $2), v.kind,
        v.public_key, v.private_key, $4
    FROM evacuation_keys k JOIN accounts a ON a.id = k.account_id
    CROSS JOIN LATERAL (VALUES
        ('rsa', '#main-key', k.rsa_public, k.rsa_private),
        ('ed25519', '#ed25519-key', k.ed25519_public, k.ed25519_private)
    ) v (kind, fragment, public_key, private_key)
    WHERE k.evacuation_id = $3
    ON CONFLICT DO NOTHING
    """
)
# $4 the name of the new host, which the instance actor is called by. Last of the three: the others
# read the old ids.
MOVE_ACCOUNTS = Command(
    """
    UPDATE accounts a SET
        uri = rebased(a.uri, $1, $2), url = rebased(a.url, $1, $2),
        inbox_url = rebased(a.inbox_url, $1, $2),
        shared_inbox_url = rebased(a.shared_inbox_url, $1, $2),
        outbox_url = rebased(a.outbox_url, $1, $2),
        followers_url = rebased(a.followers_url, $1, $2),
        following_url = rebased(a.following_url, $1, $2),
        featured_url = rebased(a.featured_url, $1, $2),
        collections_url = rebased(a.collections_url, $1, $2),
        also_known_as = CASE WHEN a.outbox_url IS NULL THEN a.also_known_as
            ELSE array_append(array_remove(a.also_known_as, a.uri), a.uri) END,
        note = relinked(a.note, $1, $2),
        fields = relinked(a.fields::text, $1, $2)::jsonb,
        emojis = relinked(a.emojis::text, $1, $2)::jsonb,
        username = CASE WHEN a.outbox_url IS NULL AND a.actor_type = 'Application' THEN $4
            ELSE a.username END
    FROM evacuation_keys k
    WHERE k.evacuation_id = $3 AND k.account_id = a.id
    """
)
# Pages and links in texts; the ids stay.
# After the switch, some at a time: $3 those after this id, $4 how many. Gives the last of them.
MOVE_PAGES = Value(
    """
    WITH page AS (
        SELECT id FROM statuses WHERE local AND id > $3 ORDER BY id LIMIT $4
    ), moved AS (
        UPDATE statuses s SET url = rebased(s.url, $1, $2), content = relinked(s.content, $1, $2),
            emojis = relinked(s.emojis::text, $1, $2)::jsonb
        FROM page WHERE s.id = page.id AND starts_with(s.url, $1 || '/')
    )
    SELECT max(id) FROM page
    """,
    int,
)

# --- Whom to tell what ---

# $1 the evacuation. Whoever moved away before has told them.
NOTE_FOLLOWERS = Command(
    """
    INSERT INTO evacuation_followers (evacuation_id, account_id, follower_id, host)
    SELECT $1, f.target_id, f.account_id, host_of_url(p.inbox_url)
    FROM follows f
    JOIN evacuation_keys k ON k.evacuation_id = $1 AND k.account_id = f.target_id
    JOIN accounts a ON a.id = f.target_id
    JOIN accounts p ON p.id = f.account_id
    WHERE p.domain IS NOT NULL AND p.deleted_at IS NULL AND p.suspended_at IS NULL
      AND f.accepted_at IS NOT NULL AND a.moved_to_id IS NULL AND a.suspended_at IS NULL
    ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class PeerToTellRow:
    """A host on which somebody follows one of ours, or is followed."""

    host: str
    software: str | None


# $1 the evacuation.
PEERS_TO_TELL = Query(
    """
    SELECT m.host, h.software
    FROM (
        SELECT host FROM evacuation_followers WHERE evacuation_id = $1
        UNION
        SELECT host_of_url(p.inbox_url)
        FROM follows f
        JOIN evacuation_keys k ON k.evacuation_id = $1 AND k.account_id = f.account_id
        JOIN accounts p ON p.id = f.target_id
        WHERE p.domain IS NOT NULL AND p.deleted_at IS NULL AND p.suspended_at IS NULL
    ) m LEFT JOIN hosts h ON h.host = m.host
    WHERE domain_severity(m.host) IS DISTINCT FROM 'block'
    ORDER BY m.host
    """,
    PeerToTellRow,
)
# $1 the evacuation, $2 hosts, $3 software, $4 families, $5 which have no shared inbox, $6 now.
PUT_PEERS = Command(
    """
    INSERT INTO evacuation_peers (evacuation_id, host, software, family, per_follower, next_at)
    SELECT $1, p.*, $6
    FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[]) p
    ON CONFLICT DO NOTHING
    """
)
# $1 the evacuation, $2 now, $3 to $7 what each family is told: family, step, round, place, and
# seconds until it is due. The hello goes to each host once.
PLAN_MESSAGES = Command(
    """
    INSERT INTO evacuation_messages (evacuation_id, host, inbox_url, account_id, step, round,
        place, due_at)
    SELECT DISTINCT $1::bigint, p.host, CASE
            WHEN s.step = 'hello' THEN min(coalesce(r.shared_inbox_url, r.inbox_url))
                OVER (PARTITION BY f.account_id, p.host)
            WHEN p.per_follower THEN r.inbox_url
            ELSE coalesce(r.shared_inbox_url, r.inbox_url) END,
        f.account_id, s.step, s.round, s.place, $2::timestamptz + s.after_s * interval '1 second'
    FROM evacuation_followers f
    JOIN accounts r ON r.id = f.follower_id
    JOIN evacuation_peers p ON p.evacuation_id = $1 AND p.host = f.host
    JOIN unnest($3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::int[])
        AS s (family, step, round, place, after_s) ON s.family = p.family
    WHERE f.evacuation_id = $1
    ORDER BY 1, 2, 6, 4, 7, 3
    """
)
# Our people follow anew, and what was asked and not answered is asked anew. $1 the evacuation,
# $2 now, $3 the round.
PLAN_FOLLOWS = Command(
    """
    INSERT INTO evacuation_messages (evacuation_id, host, inbox_url, account_id, target_uri, step,
        round, place, due_at)
    SELECT $1, p.host, t.inbox_url, f.account_id, t.uri, 'follow', $3, 0, $2
    FROM follows f
    JOIN evacuation_keys k ON k.evacuation_id = $1 AND k.account_id = f.account_id
    JOIN accounts a ON a.id = f.account_id
    JOIN accounts t ON t.id = f.target_id
    JOIN evacuation_peers p ON p.evacuation_id = $1 AND p.host = host_of_url(t.inbox_url)
    WHERE t.domain IS NOT NULL AND t.suspended_at IS NULL AND t.deleted_at IS NULL
      AND a.moved_to_id IS NULL AND a.suspended_at IS NULL
    ORDER BY f.id
    """
)
# The answer to a new Follow finds the follow by its new id. $1 the evacuation, $2 what stands
# before the number of a message in an id.
RENAME_FOLLOWS = Command(
    """
    UPDATE follows f SET uri = $2 || m.id::text
    FROM evacuation_messages m JOIN identities t ON t.uri = m.target_uri
    WHERE m.evacuation_id = $1 AND m.step = 'follow'
      AND f.account_id = m.account_id AND f.target_id = t.account_id
    """
)

# --- Sending ---


@dataclass(frozen=True, slots=True)
class PeerTurnRow:
    """A host whose turn it is, leased to this process."""

    host: str
    family: str
    dialect: str
    failures: int


# $1 the evacuation, $2 now, $3 lease until, $4 how many.
LEASE_PEERS = Query(
    """
    WITH due AS (
        SELECT host FROM evacuation_peers
        WHERE evacuation_id = $1 AND next_at <= $2
          AND (leased_until IS NULL OR leased_until <= $2)
        ORDER BY next_at LIMIT $4 FOR UPDATE SKIP LOCKED
    ), leased AS (
        UPDATE evacuation_peers p SET leased_until = $3 FROM due
        WHERE p.evacuation_id = $1 AND p.host = due.host
        RETURNING p.host, p.family, p.failures
    )
    SELECT l.host, l.family, coalesce(h.dialect, 'cavage') AS dialect, l.failures
    FROM leased l LEFT JOIN hosts h ON h.host = l.host
    """,
    PeerTurnRow,
)
RENEW_PEER = Command(
    "UPDATE evacuation_peers SET leased_until = $3 WHERE evacuation_id = $1 AND host = $2"
)
# $1 the evacuation, $2 host, $3 not before, $4 failures in a row. Without a time: when its next
# message is due.
RELEASE_PEER = Command(
    """
    UPDATE evacuation_peers p SET leased_until = NULL, failures = $4,
        next_at = coalesce($3::timestamptz, (
            SELECT min(m.due_at) FROM evacuation_messages m
            WHERE m.evacuation_id = $1 AND m.host = $2 AND m.outcome IS NULL), 'infinity')
    WHERE p.evacuation_id = $1 AND p.host = $2
    """
)
FREE_PEERS = Command("UPDATE evacuation_peers SET leased_until = NULL")
# While nobody was told yet: at once.
NEXT_PEER_AT = Value(
    """
    SELECT CASE e.state WHEN 'sending' THEN (
            SELECT min(greatest(p.next_at, p.leased_until)) FROM evacuation_peers p
            WHERE p.evacuation_id = e.id AND p.next_at < 'infinity')
        ELSE e.switched_at END
    FROM evacuations e WHERE e.state IN ('switched', 'sending')
    """,
    datetime,
)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One thing to say. `needed` is false where all whom it is for came already."""

    id: int
    host: str
    inbox_url: str
    account_id: int
    target_uri: str | None
    step: str
    attempts: int
    needed: bool


# $1 the evacuation, $2 host, $3 now, $4 how many. What an account says comes in its order: nothing
# is due before what stands ahead of it.
DUE_MESSAGES = Query(
    """
    SELECT m.id, m.host, m.inbox_url, m.account_id, m.target_uri, m.step, m.attempts,
        m.step = 'follow' OR EXISTS (
            SELECT 1 FROM evacuation_followers f JOIN accounts r ON r.id = f.follower_id
            WHERE f.evacuation_id = $1 AND f.account_id = m.account_id AND f.host = m.host
              AND f.came_at IS NULL
              AND m.inbox_url IN (r.inbox_url, r.shared_inbox_url)) AS needed
    FROM evacuation_messages m
    WHERE m.evacuation_id = $1 AND m.host = $2 AND m.outcome IS NULL AND m.due_at <= $3
    ORDER BY m.round, m.account_id, m.place, m.id LIMIT $4
    """,
    MessageRow,
)
# $1 messages, $2 outcomes, $3 reasons, $4 now.
SETTLE_MESSAGES = Command(
    """
    UPDATE evacuation_messages m SET outcome = x.outcome, reason = x.reason, settled_at = $4,
        attempts = m.attempts + 1
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS x (id, outcome, reason)
    WHERE m.id = x.id AND m.outcome IS NULL
    """
)
# $1 messages, $2 why they were not taken, $3 not before.
PUT_OFF_MESSAGES = Command(
    """
    UPDATE evacuation_messages m SET attempts = m.attempts + 1, reason = x.reason, due_at = $3
    FROM unnest($1::bigint[], $2::text[]) AS x (id, reason) WHERE m.id = x.id
    """
)
# $1 the evacuation, $2 now, $3 why. What nobody took for days.
GIVE_UP = Command(
    """
    UPDATE evacuation_messages SET outcome = 'given up', settled_at = $2,
        reason = coalesce(reason, $3)
    WHERE evacuation_id = $1 AND outcome IS NULL
    """
)

# --- Who came ---

# $1 account, $2 follower, $3 now: True where the follower is one of those who followed before.
FOLLOWER_CAME = Value(
    """
    WITH known AS (
        UPDATE evacuation_followers SET came_at = coalesce(came_at, $3)
        WHERE account_id = $1 AND follower_id = $2 RETURNING 1
    )
    SELECT EXISTS (SELECT 1 FROM known)
    """,
    bool,
)


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """How it stands with one peer. `asked` and `answered` are follows of our people."""

    host: str
    software: str | None
    family: str
    followers: int
    came: int
    planned: int
    sent: int
    accepted: int
    refused: int
    follows: int
    answered: int
    reason: str | None


# $1 the evacuation.
PROGRESS = Query(
    """
    SELECT p.host, p.software, p.family, coalesce(f.followers, 0) AS followers,
        coalesce(f.came, 0) AS came, coalesce(m.planned, 0) AS planned,
        coalesce(m.sent, 0) AS sent, coalesce(m.accepted, 0) AS accepted,
        coalesce(m.refused, 0) AS refused, coalesce(m.follows, 0) AS follows,
        coalesce(m.answered, 0) AS answered, m.reason
    FROM evacuation_peers p
    LEFT JOIN (
        SELECT host, count(*)::int AS followers, count(came_at)::int AS came
        FROM evacuation_followers WHERE evacuation_id = $1 GROUP BY host
    ) f ON f.host = p.host
    LEFT JOIN (
        SELECT host, count(*) FILTER (WHERE outcome IS DISTINCT FROM 'not needed')::int AS planned,
            count(*) FILTER (WHERE outcome IN ('accepted', 'refused', 'given up'))::int AS sent,
            count(*) FILTER (WHERE outcome = 'accepted')::int AS accepted,
            count(*) FILTER (WHERE outcome IN ('refused', 'given up'))::int AS refused,
            count(*) FILTER (WHERE step = 'follow')::int AS follows,
            count(*) FILTER (WHERE step = 'follow' AND outcome = 'accepted')::int AS answered,
            max(reason) FILTER (WHERE outcome IS DISTINCT FROM 'accepted'
                AND outcome IS DISTINCT FROM 'not needed') AS reason
        FROM evacuation_messages WHERE evacuation_id = $1 GROUP BY host
    ) m ON m.host = p.host
    WHERE p.evacuation_id = $1
    ORDER BY f.followers DESC NULLS LAST, p.host
    """,
    ProgressRow,
)


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What would be said to one host."""

    host: str
    step: str
    messages: int


PLANNED = Query(
    """
    SELECT host, step, count(*)::int AS messages FROM evacuation_messages
    WHERE evacuation_id = $1 GROUP BY host, step ORDER BY host, min(round), min(place)
    """,
    PlannedRow,
)

"""Followers, to be compared with what a peer has (FEP-8fcf)."""

from dataclasses import dataclass
from datetime import datetime

from storage.conditions import LISTS_INCOMPLETE
from storage.query import Command, Query, Value

_ORIGIN = "lower(substring(a.uri FROM '^https?://[^/?#]+'))"
_HASHES = "bit_xor(('x' || encode(sha256(convert_to(a.uri, 'UTF8')), 'hex'))::bit(256))"


def _hex(bits: str) -> str:
    """SQL for 256 bits in hex; to_hex takes 64 of them."""
    parts = (f"substring({bits} FROM {at} FOR 64)::bit(64)::bigint" for at in (1, 65, 129, 193))
    return " || ".join(f"lpad(to_hex({part}), 16, '0')" for part in parts)


@dataclass(frozen=True, slots=True)
class FollowersStateRow:
    """What tells whether the followers of one of our people changed, and may be spoken of."""

    followers_url: str | None
    followers_count: int
    last_follow_id: int
    restore_incomplete: bool


FOLLOWERS_STATE = Query(
    f"""
    SELECT a.followers_url, a.followers_count,
        coalesce((SELECT max(f.id) FROM follows f WHERE f.target_id = a.id), 0) AS last_follow_id,
        {LISTS_INCOMPLETE} AS restore_incomplete
    FROM accounts a WHERE a.id = $1 AND a.domain IS NULL
    """,
    FollowersStateRow,
)


@dataclass(frozen=True, slots=True)
class OriginDigestRow:
    """The digest of the followers at one peer."""

    origin: str
    digest: str


# $1 account of ours. All peers at once: a post goes to all of them.
FOLLOWERS_DIGESTS = Query(
    f"""
    SELECT o.origin, {_hex("o.bits")} AS digest FROM (
        SELECT {_ORIGIN} AS origin, {_HASHES} AS bits
        FROM follows f JOIN accounts a ON a.id = f.account_id
        WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.domain IS NOT NULL
        GROUP BY 1) o
    WHERE o.origin IS NOT NULL
    """,
    OriginDigestRow,
)
# $1 account of ours, $2 origin in lower case, $3 at most.
FOLLOWERS_AT = Value(
    f"""
    SELECT a.uri FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.domain IS NOT NULL
      AND {_ORIGIN} = $2
    ORDER BY f.id LIMIT $3
    """,
    str,
)


@dataclass(frozen=True, slots=True)
class FollowersHereRow:
    """A peer's account, and the digest of its followers here; None where it has none."""

    account_id: int
    followers_url: str | None
    digest: str | None
    restore_incomplete: bool


# $1 URI of the peer's account.
FOLLOWERS_HERE = Query(
    f"""
    SELECT t.id AS account_id, t.followers_url,
        (SELECT {_hex("o.bits")} FROM (
            SELECT {_HASHES} AS bits FROM follows f JOIN accounts a ON a.id = f.account_id
            WHERE f.target_id = t.id AND f.accepted_at IS NOT NULL AND a.domain IS NULL) o
        ) AS digest,
        {LISTS_INCOMPLETE} AS restore_incomplete
    FROM accounts t
    WHERE t.id = (SELECT account_id FROM identities WHERE uri = $1) AND t.domain IS NOT NULL
    """,
    FollowersHereRow,
)

# $1 account, $2 where its followers here are listed, $3 their digest, $4 when to compare.
PUT_COMPARISON = Command(
    """
    WITH put AS (
        INSERT INTO followers_comparisons (account_id, url, digest, due_at)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (account_id) DO UPDATE SET url = excluded.url, digest = excluded.digest
        RETURNING account_id)
    SELECT pg_notify('fedserver_followers', '') FROM put
    """
)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A peer's account whose followers here are to be compared."""

    account_id: int
    url: str
    digest: str


# $1 now, $2 claimed until, $3 how many.
CLAIM_COMPARISONS = Query(
    """
    UPDATE followers_comparisons c SET due_at = $2
    FROM (
        SELECT account_id FROM followers_comparisons WHERE due_at <= $1
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE c.account_id = due.account_id
    RETURNING c.account_id, c.url, c.digest
    """,
    ComparisonRow,
)
END_COMPARISON = Command("DELETE FROM followers_comparisons WHERE account_id = $1 AND digest = $2")
NEXT_COMPARISON_AT = Value("SELECT min(due_at) FROM followers_comparisons", datetime)


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """One of our people, and what they and a peer's account are to each other."""

    account_id: int
    actor_uri: str
    uri: str | None
    accepted_at: datetime | None
    listed: bool


# $1 the peer's account, $2 our people whom the peer lists. Those on one of the two sides only, and
# those who wait for an answer that the peer has given.
DIFFERENCES = Query(
    """
    SELECT a.id AS account_id, a.uri AS actor_uri, f.uri, f.accepted_at,
        a.uri = ANY($2::text[]) AS listed
    FROM (
        SELECT account_id AS id FROM follows WHERE target_id = $1
        UNION SELECT id FROM accounts WHERE uri = ANY($2)
    ) known
    JOIN accounts a ON a.id = known.id
    LEFT JOIN follows f ON f.account_id = a.id AND f.target_id = $1
    WHERE a.domain IS NULL AND a.deleted_at IS NULL
      AND (a.uri = ANY($2)) <> (f.accepted_at IS NOT NULL)
    ORDER BY a.id
    """,
    ComparedRow,
)
# $1 followers, $2 whom they asked, $3 now. Gives who waited.
ACCEPT_FOLLOWS = Value(
    """
    UPDATE follows SET accepted_at = $3
    WHERE account_id = ANY($1::bigint[]) AND target_id = $2 AND accepted_at IS NULL
    RETURNING account_id
    """,
    int,
)

"""Recovery keys: the public halves of our people's, and those of peers' people as pinned here."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class RecoveryKeyRow:
    """The recovery key of one of our people. `statements`: FEP-c390, then rotations."""

    public_key: str
    recipient: str
    statements: list[dict[str, Any]]
    created_at: datetime


RECOVERY_KEY = Query(
    """
    SELECT k.public_key, k.recipient, k.statements, k.created_at
    FROM actor_keys k JOIN accounts a ON a.id = k.account_id
    WHERE k.account_id = $1 AND k.kind = 'recovery'
    ORDER BY k.identity_uri = a.uri DESC LIMIT 1
    """,
    RecoveryKeyRow,
)
# $1 id, $2 account, $3 actor, $4 PEM, $5 recipient, $6 statements, $7 now.
PUT_RECOVERY_KEY = Command(
    """
    INSERT INTO actor_keys (uri, account_id, identity_uri, kind, public_key, recipient, statements,
        created_at)
    VALUES ($1, $2, $3, 'recovery', $4, $5, $6, $7)
    ON CONFLICT (uri) DO UPDATE SET public_key = excluded.public_key,
        recipient = excluded.recipient, statements = excluded.statements,
        created_at = excluded.created_at
    WHERE actor_keys.account_id = excluded.account_id AND actor_keys.kind = 'recovery'
    """
)
DELETE_RECOVERY_KEY = Command(
    "DELETE FROM actor_keys WHERE account_id = $1 AND kind = 'recovery' AND recipient IS NOT NULL"
)


@dataclass(frozen=True, slots=True)
class RecoveryChangeRow:
    """A change that waits; `did` None: the key is removed."""

    account_id: int
    did: str | None
    recipient: str | None
    statement: dict[str, Any] | None
    asked_at: datetime
    due_at: datetime


_CHANGE = "account_id, did, recipient, statement, asked_at, due_at"
RECOVERY_CHANGE = Query(
    f"SELECT {_CHANGE} FROM recovery_changes WHERE account_id = $1", RecoveryChangeRow
)
# $1 account, $2 did, $3 recipient, $4 statement, $5 now, $6 when.
ASK_RECOVERY_CHANGE = Command(
    """
    INSERT INTO recovery_changes (account_id, did, recipient, statement, asked_at, due_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id) DO UPDATE SET did = excluded.did, recipient = excluded.recipient,
        statement = excluded.statement, asked_at = excluded.asked_at, due_at = excluded.due_at
    """
)
DROP_RECOVERY_CHANGE = Command("DELETE FROM recovery_changes WHERE account_id = $1")
# $1 now, $2 how many.
DUE_RECOVERY_CHANGES = Query(
    f"SELECT {_CHANGE} FROM recovery_changes WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
    RecoveryChangeRow,
)
# $1 account, $2 when it was to be: whoever deletes it makes it.
TAKE_RECOVERY_CHANGE = Command("DELETE FROM recovery_changes WHERE account_id = $1 AND due_at = $2")
NEXT_RECOVERY_CHANGE_AT = Value("SELECT min(due_at) FROM recovery_changes", datetime)


@dataclass(frozen=True, slots=True)
class PinRow:
    """A recovery key of a peer's account."""

    did: str
    valid_from: datetime
    valid_until: datetime | None
    spoke_at: datetime | None


# The oldest first.
PINS = Query(
    """
    SELECT did, valid_from, valid_until, spoke_at FROM recovery_pins
    WHERE account_id = $1 ORDER BY valid_from, did
    """,
    PinRow,
)
# By the address of the account, which may be deleted here by now.
PINS_OF_ACTOR = Query(
    """
    SELECT p.did, p.valid_from, p.valid_until, p.spoke_at
    FROM identities i JOIN recovery_pins p ON p.account_id = i.account_id
    WHERE i.uri = $1 ORDER BY p.valid_from, p.did
    """,
    PinRow,
)
# $1 account, $2 keys, $3 now, $4 from when each counts.
PIN_KEYS = Command(
    """
    INSERT INTO recovery_pins (account_id, did, seen_at, valid_from)
    SELECT $1, n.did, $3, n.valid_from FROM unnest($2::text[], $4::timestamptz[])
        AS n (did, valid_from)
    ON CONFLICT DO NOTHING
    """
)
# $1 account, $2 keys, $3 until when they count; NULL: they are shown again.
LIMIT_PINS = Command(
    "UPDATE recovery_pins SET valid_until = $3 WHERE account_id = $1 AND did = ANY($2::text[])"
)
# $1 account, $2 keys.
FORGET_PINS = Command("DELETE FROM recovery_pins WHERE account_id = $1 AND did = ANY($2::text[])")
# $1 account, $2 key, $3 when the word was signed.
PERSON_SPOKE = Command(
    """
    UPDATE recovery_pins SET spoke_at = greatest(spoke_at, $3) WHERE account_id = $1 AND did = $2
    """
)

# $1 account, $2 followers (NULL: all), $3 where they went or NULL, $4 now. What the person's own
# followers here had chosen is kept for some days.
KEEP_FOLLOWERS = Command(
    """
    INSERT INTO followers_sent_away (account_id, follower_id, show_reblogs, notify, languages,
        went_to_id, sent_away_at)
    SELECT f.target_id, f.account_id, f.show_reblogs, f.notify, f.languages, $3, $4
    FROM follows f JOIN users u ON u.account_id = f.account_id
    WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL
      AND ($2::bigint[] IS NULL OR f.account_id = ANY($2))
      AND EXISTS (SELECT 1 FROM recovery_pins p WHERE p.account_id = $1)
    ON CONFLICT (account_id, follower_id) DO UPDATE
        SET went_to_id = excluded.went_to_id, sent_away_at = excluded.sent_away_at
    """
)


@dataclass(frozen=True, slots=True)
class SentAwayRow:
    """Somebody here who followed an account until its server sent them away."""

    follower_id: int
    actor_uri: str


# $1 account, $2 since when.
FOLLOWERS_SENT_AWAY = Query(
    """
    SELECT s.follower_id, a.uri AS actor_uri
    FROM followers_sent_away s JOIN accounts a ON a.id = s.follower_id
    WHERE s.account_id = $1 AND s.sent_away_at > $2
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    ORDER BY s.follower_id
    """,
    SentAwayRow,
)
# $1 account, $2 since when, $3 followers, $4 numbers of their follows, $5 their URIs, $6 now: they
# follow again, as they did.
FOLLOW_AGAIN = Value(
    """
    INSERT INTO follows (id, account_id, target_id, uri, accepted_at, show_reblogs, notify,
        languages, created_at)
    SELECT n.id, s.follower_id, s.account_id, n.uri, $6, s.show_reblogs, s.notify, s.languages, $6
    FROM unnest($3::bigint[], $4::bigint[], $5::text[]) AS n (follower_id, id, uri)
    JOIN followers_sent_away s ON s.follower_id = n.follower_id
    WHERE s.account_id = $1 AND s.sent_away_at > $2
    ON CONFLICT (account_id, target_id) DO NOTHING
    RETURNING account_id
    """,
    int,
)


@dataclass(frozen=True, slots=True)
class WentToRow:
    """The follow of the account that a server sent a follower to."""

    account_id: int
    target_id: int
    actor_uri: str
    uri: str


# $1 account, $2 since when, $3 where they are to go.
FOLLOWS_OF_WHERE_THEY_WENT = Query(
    """
    SELECT f.account_id, f.target_id, a.uri AS actor_uri, f.uri
    FROM followers_sent_away s
    JOIN follows f ON f.account_id = s.follower_id AND f.target_id = s.went_to_id
    JOIN accounts a ON a.id = s.follower_id
    WHERE s.account_id = $1 AND s.sent_away_at > $2 AND s.went_to_id <> $3
    ORDER BY f.id
    """,
    WentToRow,
)
FORGET_FOLLOWERS = Command("DELETE FROM followers_sent_away WHERE account_id = $1")
FORGET_OLD_FOLLOWERS = Command("DELETE FROM followers_sent_away WHERE sent_away_at < $1")

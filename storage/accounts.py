"""Accounts, their identities and keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.cleaning import SANITISER_VERSION
from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A person or service, here or elsewhere, with its live identity."""

    id: int
    uri: str
    username: str
    domain: str | None
    url: str
    inbox_url: str
    shared_inbox_url: str | None
    outbox_url: str | None
    followers_url: str | None
    following_url: str | None
    featured_url: str | None
    actor_type: str
    display_name: str
    note: str
    note_source: str
    fields: list[dict[str, Any]]
    emojis: list[dict[str, Any]]
    avatar_blob: str | None
    avatar_remote_url: str | None
    header_blob: str | None
    header_remote_url: str | None
    locked: bool
    discoverable: bool | None
    indexable: bool
    hide_collections: bool
    memorial: bool
    also_known_as: list[str]
    moved_to_id: int | None
    suspended_at: datetime | None
    silenced_at: datetime | None
    deleted_at: datetime | None
    followers_count: int
    following_count: int
    statuses_count: int
    last_status_at: datetime | None
    created_at: datetime
    fetched_at: datetime | None
    avatar_description: str
    header_description: str
    show_media: bool
    show_media_replies: bool
    show_featured: bool
    attribution_domains: list[str]
    feature_policy: int
    collections_url: str | None

    @property
    def local(self) -> bool:
        return self.domain is None

    @property
    def gone(self) -> bool:
        """Whether nobody may see or reach it: suspended or deleted."""
        return self.suspended_at is not None or self.deleted_at is not None


ACCOUNT_COLUMNS = ", ".join(f"a.{name}" for name in AccountRow.__dataclass_fields__)

ACCOUNT_BY_ID = Query(f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = $1", AccountRow)
ACCOUNTS_BY_IDS = Query(
    f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = ANY($1::bigint[])", AccountRow
)
# Any of its identities leads to the account.
ACCOUNT_BY_URI = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE a.id = (SELECT account_id FROM identities WHERE uri = $1)
    """,
    AccountRow,
)
ACCOUNT_BY_URI_OR_URL = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE a.uri = ANY (forms_of($1)) OR a.url = ANY (forms_of($1)) LIMIT 1
    """,
    AccountRow,
)
ACCOUNTS_BY_URIS = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE a.id IN (SELECT account_id FROM identities WHERE uri = ANY($1::text[]))
    """,
    AccountRow,
)
LOCAL_ACCOUNT_BY_NAME = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE lower(a.username) = lower($1) AND a.domain IS NULL
    """,
    AccountRow,
)
# Of several accounts that had this handle the one read last.
REMOTE_ACCOUNT_BY_HANDLE = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE lower(a.username) = lower($1) AND a.domain = $2
    ORDER BY a.fetched_at DESC NULLS LAST LIMIT 1
    """,
    AccountRow,
)

INSERT_ACCOUNT = Command(
    f"""
    INSERT INTO accounts (
        sanitiser_version,
        id, uri, username, domain, url, inbox_url, shared_inbox_url, outbox_url, followers_url,
        following_url, featured_url, actor_type, display_name, note, fields, emojis,
        avatar_remote_url, header_remote_url, locked, discoverable, indexable, memorial,
        also_known_as, suspended_at, created_at, fetched_at)
    VALUES ({SANITISER_VERSION},
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20, $21, $22, $23, $24, $25, $26)
    """
)
# What a peer's actor document may change; its id, name and domain stay.
UPDATE_REMOTE_ACCOUNT = Command(
    f"""
    UPDATE accounts SET
        sanitiser_version = {SANITISER_VERSION},
        url = $2, inbox_url = $3, shared_inbox_url = $4, outbox_url = $5, followers_url = $6,
        following_url = $7, featured_url = $8, actor_type = $9, display_name = $10, note = $11,
        fields = $12, emojis = $13, avatar_remote_url = $14, header_remote_url = $15, locked = $16,
        discoverable = $17, indexable = $18, memorial = $19, also_known_as = $20, fetched_at = $21
    WHERE id = $1 AND domain IS NOT NULL
    """
)
UPDATE_PROFILE = Command(
    """
    UPDATE accounts SET
        display_name = $2, note = $3, note_source = $4, fields = $5, emojis = $6, locked = $7,
        actor_type = $8, discoverable = $9, indexable = $10, hide_collections = $11,
        avatar_blob = $12, header_blob = $13
    WHERE id = $1 AND domain IS NULL
    """
)
# What else a profile says, of our people. $1 id.
SET_PROFILE_SETTINGS = Command(
    """
    UPDATE accounts SET avatar_description = $2, header_description = $3, show_media = $4,
        show_media_replies = $5, show_featured = $6, attribution_domains = $7
    WHERE id = $1 AND domain IS NULL
    """
)
# The same and more as a peer says it of its own; NULL leaves as it is.
SET_REMOTE_PROFILE_SETTINGS = Command(
    """
    UPDATE accounts SET avatar_description = $2, header_description = $3,
        show_media = coalesce($4, show_media),
        show_media_replies = coalesce($5, show_media_replies),
        show_featured = coalesce($6, show_featured), attribution_domains = $7,
        feature_policy = $8, collections_url = $9
    WHERE id = $1 AND domain IS NOT NULL
    """
)
MARK_ACCOUNT_DELETED = Command(
    """
    UPDATE accounts SET deleted_at = $2, display_name = '', note = '', note_source = '',
        fields = '[]', emojis = '[]', avatar_blob = NULL, avatar_remote_url = NULL,
        header_blob = NULL, header_remote_url = NULL, followers_count = 0, following_count = 0,
        statuses_count = 0
    WHERE id = $1 AND deleted_at IS NULL
    """
)

INSERT_IDENTITY = Command(
    """
    INSERT INTO identities (uri, account_id, username, domain, inbox_url, shared_inbox_url,
        created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    """
)
UPDATE_IDENTITY = Command(
    "UPDATE identities SET inbox_url = $2, shared_inbox_url = $3 WHERE uri = $1"
)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key of an actor. `private_key` is wrapped; None where we do not hold it. Recovery keys have
    the age recipient of their holder, and what they vouch for (recovery/identity.py)."""

    uri: str
    account_id: int
    identity_uri: str
    kind: str
    public_key: str
    private_key: bytes | None
    fetched_at: datetime | None
    recipient: str | None
    statements: list[dict[str, Any]]


_KEY_COLUMNS = ", ".join(f"k.{name}" for name in KeyRow.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class SignerKeyRow:
    """What verifying a request takes: a public key, whose it is, and whether it is welcome."""

    uri: str
    actor_uri: str
    public_key: str
    ours: bool
    suspended: bool
    expires_at: datetime | None


# Nobody signs requests with the recovery key of one of ours.
SIGNER_KEY = Query(
    """
    SELECT k.uri, k.identity_uri AS actor_uri, k.public_key, k.private_key IS NOT NULL AS ours,
        a.suspended_at IS NOT NULL AS suspended, k.expires_at
    FROM actor_keys k JOIN accounts a ON a.id = k.account_id
    WHERE k.uri = $1 AND k.kind <> 'recovery'
    """,
    SignerKeyRow,
)
# Of its live identity: those of former ones sign only what these have said.
KEYS_OF_ACCOUNT = Query(
    f"""
    SELECT {_KEY_COLUMNS} FROM actor_keys k JOIN accounts a ON a.id = k.account_id
    WHERE k.account_id = $1 AND k.identity_uri = a.uri ORDER BY k.kind DESC
    """,
    KeyRow,
)
KEYS_OF_IDENTITY = Query(
    f"SELECT {_KEY_COLUMNS} FROM actor_keys k WHERE k.identity_uri = $1 ORDER BY k.kind DESC",
    KeyRow,
)

KEY_OF_FORMER_IDENTITY = Query(
    f"""
    SELECT {_KEY_COLUMNS} FROM actor_keys k
    WHERE k.account_id = $1 AND k.kind = 'rsa' AND k.private_key IS NOT NULL
      AND host_of_url(k.identity_uri) = $2
    """,
    KeyRow,
)


@dataclass(frozen=True, slots=True)
class IdentityRow:
    """An address that an account is or was known by."""

    uri: str
    account_id: int
    username: str
    inbox_url: str
    shared_inbox_url: str | None
    state: str


FORMER_IDENTITIES = Query(
    """
    SELECT i.uri, i.account_id, i.username, i.inbox_url, i.shared_inbox_url, i.state
    FROM identities i WHERE i.account_id = $1 AND i.state = 'zombie'
    """,
    IdentityRow,
)
KEYS_OF_ACCOUNTS = Query(
    f"""
    SELECT {_KEY_COLUMNS} FROM actor_keys k JOIN accounts a ON a.id = k.account_id
    WHERE k.account_id = ANY($1::bigint[]) AND k.identity_uri = a.uri
    ORDER BY k.account_id, k.kind DESC
    """,
    KeyRow,
)
PUT_KEY = Command(
    """
    INSERT INTO actor_keys (uri, account_id, identity_uri, kind, public_key, private_key,
        created_at, fetched_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (uri) DO UPDATE
        SET public_key = excluded.public_key, kind = excluded.kind,
            fetched_at = excluded.fetched_at, expires_at = excluded.expires_at
        WHERE actor_keys.account_id = excluded.account_id AND actor_keys.private_key IS NULL
    """
)
DELETE_OTHER_KEYS = Command(
    """
    DELETE FROM actor_keys
    WHERE account_id = $1 AND private_key IS NULL AND NOT uri = ANY($2::text[])
    """
)

# Counters change with the rows they count, in the same transaction.
COUNT_FOLLOW = Command(
    """
    UPDATE accounts SET
        following_count = following_count + CASE WHEN id = $1 THEN $3::int ELSE 0 END,
        followers_count = followers_count + CASE WHEN id = $2 THEN $3::int ELSE 0 END
    WHERE id IN ($1, $2)
    """
)
COUNT_STATUS = Command(
    """
    UPDATE accounts SET
        statuses_count = greatest(statuses_count + $2::int, 0),
        last_status_at = CASE WHEN $2::int > 0
            THEN greatest(last_status_at, $3) ELSE last_status_at END,
        last_status_id = CASE WHEN $2::int > 0
            THEN greatest(last_status_id, $4) ELSE last_status_id END
    WHERE id = $1
    """
)
# $1 is a host, $2 the first id of a time, $3 a domain with its dot, $4 how many of its hosts may
# have become known since then. False where somebody of the host is known already.
TOO_MANY_NEIGHBOURS = Value(
    """
    SELECT NOT EXISTS (SELECT 1 FROM accounts WHERE domain = $1) AND (
        SELECT count(DISTINCT split_part(uri, '/', 3)) FROM accounts
        WHERE id > $2 AND domain IS NOT NULL AND split_part(uri, '/', 3) <> $1
          AND right('.' || split_part(uri, '/', 3), length($3)) = $3) >= $4::int
    """,
    bool,
)

# Followed accounts of peers whose featured collection was never read.
FEATURED_UNREAD = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS} FROM accounts a
    WHERE a.domain IS NOT NULL AND a.featured_url IS NOT NULL AND a.featured_read_at IS NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND EXISTS (SELECT 1 FROM follows f JOIN users u ON u.account_id = f.account_id
                  WHERE f.target_id = a.id AND f.accepted_at IS NOT NULL)
    ORDER BY a.id LIMIT $1
    """,
    AccountRow,
)
# Whoever sets it first reads the collection.
CLAIM_FEATURED = Command(
    "UPDATE accounts SET featured_read_at = $2 WHERE id = $1 AND featured_read_at IS NULL"
)

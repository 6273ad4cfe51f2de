"""Collections of accounts, and who is in them (FEP-7aa9; Mastodon API: collections)."""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from storage.query import Command, Query, Value

# How many one of our people may have.
MAX_COLLECTIONS = 10


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection of its owner `account_id`, and the hashtag it is about."""

    id: int
    account_id: int
    local: bool
    uri: str
    url: str
    name: str
    description: str
    language: str | None
    sensitive: bool
    discoverable: bool
    tag_name: str | None
    created_at: datetime
    updated_at: datetime


_COLUMNS = """c.id, c.account_id, o.domain IS NULL AS local, c.uri, c.url, c.name, c.description,
    c.language, c.sensitive, c.discoverable, t.name AS tag_name, c.created_at, c.updated_at"""
_FROM = """collections c JOIN accounts o ON o.id = c.account_id
    LEFT JOIN tags t ON t.id = c.tag_id"""
_OWNED = "o.suspended_at IS NULL AND o.deleted_at IS NULL"


def not_blocked(viewer: str) -> str:
    """SQL: the owner `o` shows collections to `viewer` too."""
    return f"""NOT EXISTS (SELECT 1 FROM blocks vb
        WHERE vb.account_id = o.id AND vb.target_id = {viewer} OFFSET 0)"""


COLLECTION = Query(f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.id = $1 AND {_OWNED}", CollectionRow)
COLLECTION_BY_URI = Query(f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.uri = $1", CollectionRow)
# The order of the ids is kept. $1 ids, $2 viewer or NULL.
COLLECTIONS = Query(
    f"""
    SELECT {_COLUMNS} FROM unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place)
    JOIN {_FROM} ON c.id = wanted.id
    WHERE {_OWNED} AND {not_blocked("$2::bigint")} ORDER BY wanted.place
    """,
    CollectionRow,
)
# Of several that change a collection the second finds what the first wrote.
LOCK_COLLECTION = Query(
    f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.id = $1 FOR UPDATE OF c", CollectionRow
)
# The newest first. $1 owner, $2 only those that are shown on the profile, $3 at most.
COLLECTIONS_OF = Value(
    """
    SELECT id FROM collections WHERE account_id = $1 AND (discoverable OR NOT $2)
    ORDER BY id DESC LIMIT $3
    """,
    int,
)
COLLECTIONS_OWNED = Query(
    f"SELECT {_COLUMNS} FROM {_FROM} WHERE c.account_id = $1 ORDER BY c.id DESC LIMIT $2",
    CollectionRow,
)
# Those that somebody is in. $1 who, $2 at most.
COLLECTIONS_WITH = Value(
    """
    SELECT c.id FROM collection_items i JOIN collections c ON c.id = i.collection_id
    JOIN accounts o ON o.id = c.account_id
    WHERE i.account_id = $1 AND i.state = 'accepted'
      AND o.suspended_at IS NULL AND o.deleted_at IS NULL
    ORDER BY i.id DESC LIMIT $2
    """,
    int,
)
# How many an account has, which then only this transaction changes.
LOCK_OWNED = Value(
    """
    WITH owner AS (SELECT id FROM accounts WHERE id = $1 FOR UPDATE)
    SELECT count(c.id) FROM owner LEFT JOIN collections c ON c.account_id = owner.id
    """,
    int,
)
INSERT_COLLECTION = Command(
    """
    INSERT INTO collections (id, account_id, uri, url, name, description, language, sensitive,
        discoverable, tag_id, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9,
        (SELECT id FROM tags WHERE name = $10), $11, $12)
    ON CONFLICT (uri) DO NOTHING
    """
)
UPDATE_COLLECTION = Command(
    """
    UPDATE collections SET url = $2, name = $3, description = $4, language = $5, sensitive = $6,
        discoverable = $7, tag_id = (SELECT id FROM tags WHERE name = $8), updated_at = $9
    WHERE id = $1
    """
)
DELETE_COLLECTION = Command("DELETE FROM collections WHERE id = $1")


@dataclass(frozen=True, slots=True)
class CollectionItemRow:
    """An account in a collection, or one that is to be in it.

    `state` is pending, accepted, rejected or revoked; only accepted ones are shown.
    """

    id: int
    collection_id: int
    account_id: int
    account_uri: str
    account_local: bool
    uri: str | None
    state: str
    position: int
    request_uri: str | None
    authorization_uri: str | None
    created_at: datetime


_ITEM = """i.id, i.collection_id, i.account_id, a.uri AS account_uri,
    a.domain IS NULL AS account_local, i.uri, i.state, i.position, i.request_uri,
    i.authorization_uri, i.created_at"""
_ITEMS = "collection_items i JOIN accounts a ON a.id = i.account_id"

ITEM = Query(f"SELECT {_ITEM} FROM {_ITEMS} WHERE i.id = $1", CollectionItemRow)
LOCK_ITEM = Query(
    f"SELECT {_ITEM} FROM {_ITEMS} WHERE i.id = $1 FOR UPDATE OF i", CollectionItemRow
)
# $1 collection, $2 item.
ITEM_BY_URI = Query(
    f"""
    SELECT {_ITEM} FROM {_ITEMS}
    WHERE i.collection_id = (SELECT id FROM collections WHERE uri = $1) AND i.uri = $2
    """,
    CollectionItemRow,
)
# $1 the request, $2 who was asked.
ITEM_BY_REQUEST = Query(
    f"SELECT {_ITEM} FROM {_ITEMS} WHERE i.request_uri = $1 AND i.account_id = $2",
    CollectionItemRow,
)
# $1 the consent, $2 whose it is.
ITEM_BY_AUTHORIZATION = Query(
    f"SELECT {_ITEM} FROM {_ITEMS} WHERE i.authorization_uri = $1 AND i.account_id = $2",
    CollectionItemRow,
)
# $1 collection, $2 who is in it.
ITEM_OF_ACCOUNT = Query(
    f"SELECT {_ITEM} FROM {_ITEMS} WHERE i.collection_id = $1 AND i.account_id = $2",
    CollectionItemRow,
)
ITEMS_IN = Query(
    f"SELECT {_ITEM} FROM {_ITEMS} WHERE i.collection_id = $1 ORDER BY i.position, i.id",
    CollectionItemRow,
)
# What peers are shown of several collections.
ACCEPTED_ITEMS = Query(
    f"""
    SELECT {_ITEM} FROM {_ITEMS}
    WHERE i.collection_id = ANY($1::bigint[]) AND i.state = 'accepted'
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    ORDER BY i.collection_id, i.position, i.id
    """,
    CollectionItemRow,
)
# What clients are shown: owners see who did not answer yet; nobody sees whom they block.
# $1 collections, $2 viewer or NULL.
SHOWN_ITEMS = Query(
    f"""
    SELECT {_ITEM} FROM {_ITEMS} JOIN collections c ON c.id = i.collection_id
    WHERE i.collection_id = ANY($1::bigint[])
      AND (i.state = 'accepted' OR (i.state = 'pending' AND c.account_id = $2))
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND NOT EXISTS (SELECT 1 FROM blocks vb
                      WHERE vb.account_id = $2 AND vb.target_id = a.id OFFSET 0)
    ORDER BY i.collection_id, i.position, i.id
    """,
    CollectionItemRow,
)
INSERT_ITEM = Command(
    """
    INSERT INTO collection_items (id, collection_id, account_id, uri, state, position, request_uri,
        authorization_uri, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, coalesce($6, (
        SELECT coalesce(max(position), 0) + 1 FROM collection_items WHERE collection_id = $2)),
        $7, $8, $9, $10)
    ON CONFLICT (collection_id, account_id) DO NOTHING
    """
)
# $1 id, $2 state, $3 consent, $4 now.
SET_ITEM_STATE = Command(
    """
    UPDATE collection_items SET state = $2, authorization_uri = $3, changed_at = $4
    WHERE id = $1
    """
)
# A peer's item under the name it has there. $1 id, $2 uri, $3 position or NULL.
NAME_ITEM = Command(
    """
    UPDATE collection_items SET uri = $2, position = coalesce($3, position)
    WHERE id = $1 AND (uri IS DISTINCT FROM $2 OR position <> coalesce($3, position))
    """
)
# An item that named somebody else before. $1 collection, $2 its uri, $3 whom it names now.
FORGET_NAMESAKES = Command(
    "DELETE FROM collection_items WHERE collection_id = $1 AND uri = $2 AND account_id <> $3"
)
DELETE_ITEM = Command("DELETE FROM collection_items WHERE id = $1")
# What a peer's collection does not have any more; what was consented to since $3 may still come.
# $1 collection, $2 the items that it has.
DELETE_OTHER_ITEMS = Command(
    """
    DELETE FROM collection_items
    WHERE collection_id = $1 AND NOT coalesce(uri = ANY($2::text[]), changed_at > $3)
    """
)
# Rejected and revoked items bar their account from being asked again, until $1.
FORGET_ENDED_ITEMS = Command(
    "DELETE FROM collection_items WHERE state IN ('rejected', 'revoked') AND changed_at < $1"
)
# Inboxes of those who are, or were asked to be, in a collection.
MEMBERS_INBOXES = Value(
    """
    SELECT DISTINCT coalesce(a.shared_inbox_url, a.inbox_url)
    FROM collection_items i JOIN accounts a ON a.id = i.account_id
    WHERE i.collection_id = $1 AND i.state IN ('pending', 'accepted') AND a.domain IS NOT NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    """,
    str,
)
# People here who are in a collection.
MEMBERS_HERE = Value(
    """
    SELECT i.account_id FROM collection_items i JOIN users u ON u.account_id = i.account_id
    WHERE i.collection_id = $1 AND i.state = 'accepted'
    """,
    int,
)
COUNT_ITEMS = Value(
    """
    SELECT count(*)::int FROM collection_items
    WHERE collection_id = $1 AND state IN ('pending', 'accepted')
    """,
    int,
)
# $1 consent, $2 whose it was, $3 now.
BURY_FEATURE_AUTHORIZATION = Command(
    """
    INSERT INTO tombstones (uri, account_id, former_type, visibility, deleted_at)
    VALUES ($1, $2, 'FeatureAuthorization', 'public', $3)
    ON CONFLICT (uri) DO UPDATE SET account_id = excluded.account_id,
        former_type = excluded.former_type
    """
)


class FeatureConsentRow(msgspec.Struct, frozen=True, gc=False):
    """One of our people in a collection: what the consent to it says."""

    collection_uri: str
    account_uri: str


# $1 the consent's own address.
CONSENT_TO_FEATURE = Query(
    """
    SELECT c.uri AS collection_uri, a.uri AS account_uri
    FROM collection_items i JOIN collections c ON c.id = i.collection_id
    JOIN accounts a ON a.id = i.account_id
    WHERE i.authorization_uri = $1 AND i.state = 'accepted' AND a.domain IS NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    """,
    FeatureConsentRow,
)


class LinkedCollectionRow(msgspec.Struct, frozen=True, gc=False):
    """That a status links to a collection."""

    status_id: int
    uri: str
    name: str


# Of several changes only the last is told. $1 receivers or NULL for all, $2 type, $3 collection.
WITHDRAW_COLLECTION_NOTICES = Command(
    """
    DELETE FROM notifications
    WHERE collection_id = $3 AND type = $2 AND ($1::bigint[] IS NULL OR account_id = ANY($1))
    """
)

# Followed accounts of peers whose collections were never read, or not since $1; at most $2.
COLLECTIONS_UNREAD = Value(
    """
    SELECT a.id FROM accounts a
    WHERE a.domain IS NOT NULL AND a.collections_url IS NOT NULL
      AND (a.collections_read_at IS NULL OR a.collections_read_at < $1)
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND EXISTS (SELECT 1 FROM follows f JOIN users u ON u.account_id = f.account_id
                  WHERE f.target_id = a.id AND f.accepted_at IS NOT NULL)
    ORDER BY a.collections_read_at NULLS FIRST, a.id LIMIT $2
    """,
    int,
)
# As if they had been read at $2 the last time.
READ_COLLECTIONS_AGAIN = Command(
    "UPDATE accounts SET collections_read_at = $2 WHERE id = $1 AND domain IS NOT NULL"
)
# Whoever sets it first reads them. $1 account, $2 now, $3 not those read since.
CLAIM_COLLECTIONS = Command(
    """
    UPDATE accounts SET collections_read_at = $2
    WHERE id = $1 AND (collections_read_at IS NULL OR collections_read_at < $3)
    """
)

# $1 status, $2 addresses that it names, of which a few may be of collections.
LINK_COLLECTIONS = Command(
    """
    WITH found AS (
        SELECT id FROM collections WHERE uri = ANY($2::text[]) OR url = ANY($2::text[]) LIMIT 10
    ), linked AS (
        INSERT INTO linked_collections (status_id, collection_id) SELECT $1, id FROM found
        ON CONFLICT DO NOTHING
    )
    UPDATE statuses SET links_collections = true
    WHERE id = $1 AND EXISTS (SELECT 1 FROM found)
    """
)
UNLINK_COLLECTIONS = Command(
    """
    WITH gone AS (DELETE FROM linked_collections WHERE status_id = $1)
    UPDATE statuses SET links_collections = false WHERE id = $1 AND links_collections
    """
)
# What peers are told that our statuses link to.
COLLECTIONS_LINKED = Query(
    """
    SELECT l.status_id, c.uri, c.name FROM linked_collections l
    JOIN collections c ON c.id = l.collection_id
    WHERE l.status_id = ANY($1::bigint[]) ORDER BY c.id
    """,
    LinkedCollectionRow,
)

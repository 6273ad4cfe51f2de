"""Public objects that instances keep for each other: what is brought to a partner, what is kept of
it, and where a dead origin's are to be had."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value
from storage.statuses import STATUS_COLUMNS, StatusRow
from storage.visibility import visible

# What is brought.


@dataclass(frozen=True, slots=True)
class DueContractRow:
    """A partner to whom our public posts are brought, and how far that has come."""

    id: int
    host: str
    actor_uri: str
    classes: list[str]
    activities_sent: int
    failures: int


DUE_PARTNERS = Query(
    """
    SELECT c.id, c.host, c.actor_uri, c.classes, c.activities_sent, c.failures
    FROM mirror_contracts c
    WHERE c.state = 'agreed' AND 'objects' = ANY(c.classes) AND c.given_quota > 0
      AND c.next_try_at <= $1
    ORDER BY c.next_try_at LIMIT $2
    """,
    DueContractRow,
)
# $1 id, $2 until when it is ours; 0 rows: another process has it.
CLAIM_PARTNER = Command(
    "UPDATE mirror_contracts SET next_try_at = $2 WHERE id = $1 AND next_try_at <= $3"
)
NEXT_PARTNER_DUE = Value(
    """
    SELECT min(next_try_at) FROM mirror_contracts
    WHERE state = 'agreed' AND 'objects' = ANY(classes) AND given_quota > 0
    """,
    datetime,
)
BROUGHT = Command(
    """
    UPDATE mirror_contracts SET activities_sent = $2, next_try_at = $3, failures = 0,
        last_error = NULL
    WHERE id = $1
    """
)
NOT_BROUGHT = Command(
    """
    UPDATE mirror_contracts SET next_try_at = $2, failures = failures + 1, last_error = $3
    WHERE id = $1
    """
)


@dataclass(frozen=True, slots=True)
class SaidRow:
    """Something that one of our people did, and what it was about."""

    id: int
    type: str
    account_id: int
    status_id: int | None
    document: bytes


# $1 the last one that was looked at, $2 what is perhaps not committed yet, $3 how many.
SAID_AFTER = Query(
    """
    SELECT o.id, o.type, o.account_id, o.status_id, o.document FROM outbox_activities o
    WHERE o.id > $1 AND o.id < $2 AND o.type IN ('Create', 'Update', 'Delete')
    ORDER BY o.id LIMIT $3
    """,
    SaidRow,
)
# The one rule of who may see what, asked for nobody in particular.
PUBLIC_STATUSES = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.id = ANY($1::bigint[]) AND s.local AND s.reblog_of_id IS NULL
      AND s.visibility IN ('public', 'unlisted') AND {visible("s", "NULL::bigint")}
    ORDER BY s.id
    """,
    StatusRow,
)
MIRRORS_OF_OBJECTS = Value(
    """
    SELECT host FROM mirror_contracts
    WHERE state = 'agreed' AND 'objects' = ANY(classes) AND given_quota > 0 ORDER BY host LIMIT 20
    """,
    str,
)

# What is kept.


@dataclass(frozen=True, slots=True)
class KeptObjectRow:
    """A partner's object as its author signed it; no body: it was deleted."""

    uri: str
    actor_uri: str
    type: str
    body: bytes | None
    signed_at: datetime


# Not what this server's admin, or the network, has taken down: a host, an actor, a thing.
_SHOWABLE = """
    NOT EXISTS (SELECT 1 FROM mirror_takedowns t
                WHERE t.subject IN (o.uri, o.actor_uri, split_part(o.uri, '/', 3)))
    AND NOT EXISTS (SELECT 1 FROM identities i JOIN accounts a ON a.id = i.account_id
                    WHERE i.uri = o.actor_uri
                      AND (a.suspended_at IS NOT NULL OR a.deleted_at IS NOT NULL))
    AND NOT EXISTS (SELECT 1 FROM tombstones d WHERE d.uri = o.uri)
"""
KEPT_OBJECT = Query(
    f"""
    SELECT o.uri, o.actor_uri, o.type, o.body, o.signed_at FROM mirror_objects o
    WHERE o.uri = $1 AND {_SHOWABLE}
    """,
    KeptObjectRow,
)


@dataclass(frozen=True, slots=True)
class ShownFileRow:
    """A file of a partner that something shows."""

    contract_id: int
    sha256: str


# Only what something has in it that may be shown.
SHOWN_FILE = Query(
    f"""
    SELECT k.contract_id, k.sha256 FROM mirror_chunks k
    WHERE k.name = $1 AND k.class = 'media' AND EXISTS (
        SELECT 1 FROM mirror_objects o
        WHERE o.media @> ARRAY[$1] AND o.contract_id = k.contract_id AND o.body IS NOT NULL
          AND {_SHOWABLE})
    ORDER BY k.id LIMIT 1
    """,
    ShownFileRow,
)
# $1 contract, $2 now, then for each object: $3 uri, $4 actor, $5 type, $6 body, $7 files with
# blanks between them, $8 when it was signed. An earlier version never takes the place of a later
# one, nor anything that of what was deleted.
KEEP_OBJECTS = Command(
    """
    INSERT INTO mirror_objects (uri, contract_id, actor_uri, type, body, media, signed_at,
        stored_at)
    SELECT n.uri, $1, n.actor, n.type, n.body, string_to_array(n.files, ' '), n.signed_at, $2
    FROM unnest($3::text[], $4::text[], $5::text[], $6::bytea[], $7::text[], $8::timestamptz[])
        AS n (uri, actor, type, body, files, signed_at)
    WHERE NOT EXISTS (SELECT 1 FROM mirror_takedowns t
                      WHERE t.subject IN (n.uri, n.actor, split_part(n.uri, '/', 3)))
    ON CONFLICT (uri) DO UPDATE SET type = excluded.type, body = excluded.body,
        media = excluded.media, signed_at = excluded.signed_at, stored_at = excluded.stored_at
    WHERE mirror_objects.actor_uri = excluded.actor_uri AND mirror_objects.body IS NOT NULL
      AND mirror_objects.signed_at <= excluded.signed_at
    """
)
# $1 contract, then for each deletion: $2 the author, who deletes, $3 what, $4 when: a thing, or the
# author and everything.
FORGET_OBJECTS = Command(
    """
    UPDATE mirror_objects o SET body = NULL, media = '{}', signed_at = d.deleted_at
    FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS d (actor, uri, deleted_at)
    WHERE o.contract_id = $1 AND o.actor_uri = d.actor AND (o.uri = d.uri OR d.uri = d.actor)
    """
)
# What was deleted before it was brought is not kept when it is brought late. $5 now.
NOTE_DELETED = Command(
    """
    INSERT INTO mirror_objects (uri, contract_id, actor_uri, type, signed_at, stored_at)
    SELECT DISTINCT ON (d.uri) d.uri, $1, d.actor, 'Tombstone', d.deleted_at, $5
    FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS d (actor, uri, deleted_at)
    ON CONFLICT (uri) DO NOTHING
    """
)
# $1 contract, $2 objects, $3 authors: how much these take.
KEPT_OBJECT_BYTES = Value(
    """
    SELECT coalesce(sum(octet_length(body)), 0)::bigint FROM mirror_objects
    WHERE contract_id = $1 AND (uri = ANY($2::text[]) OR actor_uri = ANY($3::text[]))
    """,
    int,
)
# $1 contract, $2 names: those that are not here, or would not stay.
MISSING_FILES = Value(
    """
    SELECT n.name FROM unnest($2::text[]) AS n (name)
    WHERE NOT EXISTS (SELECT 1 FROM mirror_chunks k WHERE k.contract_id = $1 AND k.name = n.name
                        AND k.remove_after IS NULL)
    """,
    str,
)
# Files that nothing shows any more. $1 until when they stay all the same, $2 now less some time:
# a file comes after the object that shows it.
RELEASE_FILES = Command(
    """
    UPDATE mirror_chunks k SET remove_after = $1
    WHERE k.class = 'media' AND k.remove_after IS NULL AND k.stored_at < $2
      AND NOT EXISTS (SELECT 1 FROM mirror_objects o
                      WHERE o.media @> ARRAY[k.name::text] AND o.contract_id = k.contract_id)
    """
)
FORGET_ENDED = Command(
    """
    DELETE FROM mirror_objects o USING mirror_contracts c
    WHERE c.id = o.contract_id AND c.state = 'ended'
      AND c.changed_at + make_interval(days => c.retention_days) < $1
    """
)

TAKE_DOWN = Command(
    """
    INSERT INTO mirror_takedowns (subject, reason, created_at) VALUES ($1, $2, $3)
    ON CONFLICT (subject) DO UPDATE SET reason = excluded.reason
    """
)
# What is taken down is gone from the disk's objects, too; its address is remembered.
FORGET_TAKEN_DOWN = Command(
    """
    DELETE FROM mirror_objects o
    WHERE o.uri = $1 OR o.actor_uri = $1 OR split_part(o.uri, '/', 3) = $1
    """
)
PUT_BACK = Command("DELETE FROM mirror_takedowns WHERE subject = $1")


@dataclass(frozen=True, slots=True)
class TakedownRow:
    """What this mirror does not give out."""

    subject: str
    reason: str
    created_at: datetime


TAKEDOWNS = Query(
    "SELECT subject, reason, created_at FROM mirror_takedowns ORDER BY created_at", TakedownRow
)

# Where a dead origin's objects are to be had.

MIRRORS_OF_HOST = Value("SELECT unnest(mirrors) FROM hosts WHERE host = $1", str)
LEARN_MIRRORS = Command("UPDATE hosts SET mirrors = $2 WHERE host = $1 AND mirrors <> $2")

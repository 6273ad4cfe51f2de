"""People's kits: what goes into one, where the sealed ones are, and which are being brought in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value
from storage.statuses import STATUS_COLUMNS, StatusRow


@dataclass(frozen=True, slots=True)
class KitRow:
    """Somebody's kit: as it was last made, and when it is made anew."""

    account_id: int
    blob: str | None
    bytes: int
    did: str | None
    with_media: bool
    posts: int
    made_at: datetime | None
    due_at: datetime
    failure: str | None


_KIT = ", ".join(f"k.{name}" for name in KitRow.__dataclass_fields__)
KIT = Query(f"SELECT {_KIT} FROM kits k WHERE k.account_id = $1", KitRow)
# $1 account, $2 with media, $3 when.
ASK_FOR_KIT = Command(
    """
    INSERT INTO kits (account_id, with_media, due_at) VALUES ($1, $2, $3)
    ON CONFLICT (account_id) DO UPDATE SET with_media = excluded.with_media,
        due_at = excluded.due_at, failure = NULL
    """
)
# $1 account, $2 now: to another key, or the first time.
SEAL_KIT_ANEW = Command(
    """
    INSERT INTO kits (account_id, due_at) VALUES ($1, $2)
    ON CONFLICT (account_id) DO UPDATE SET due_at = excluded.due_at, failure = NULL
    """
)
# Who has a recovery key has a kit.
BEGIN_KITS = Command(
    """
    INSERT INTO kits (account_id, due_at)
    SELECT k.account_id, $1 FROM actor_keys k JOIN users u ON u.account_id = k.account_id
    WHERE k.kind = 'recovery' AND NOT EXISTS (
        SELECT 1 FROM kits o WHERE o.account_id = k.account_id)
    """
)
# $1 now, $2 until when the claim holds, $3 how many.
CLAIM_KITS = Query(
    f"""
    UPDATE kits k SET due_at = $2 FROM (
        SELECT account_id FROM kits WHERE due_at <= $1
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due WHERE k.account_id = due.account_id RETURNING {_KIT}
    """,
    KitRow,
)
NEXT_KIT_AT = Value("SELECT min(due_at) FROM kits", datetime)
# $1 account, $2 blob, $3 bytes, $4 whose key, $5 posts, $6 now, $7 when again, $8 when the claim
# would have ended: who asked for another kit meanwhile gets it at once.
KIT_MADE = Command(
    """
    UPDATE kits SET blob = $2, bytes = $3, did = $4, posts = $5, made_at = $6, failure = NULL,
        due_at = CASE WHEN due_at = $8 THEN $7 ELSE due_at END
    WHERE account_id = $1
    """
)
# $2 why, $3 when again, if nobody asks earlier.
KIT_FAILED = Command(
    "UPDATE kits SET failure = $2, due_at = least(due_at, $3) WHERE account_id = $1"
)
DELETE_KIT = Command("DELETE FROM kits WHERE account_id = $1")


@dataclass(frozen=True, slots=True)
class SentStatusRow:
    """The Create of a status as it was sent, unless it was edited since."""

    status_id: int
    document: bytes


# $1 account, $2 after this one, $3 how many. All they wrote, but not what was for single people.
WRITTEN = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.account_id = $1 AND s.id > $2 AND s.reblog_of_id IS NULL
      AND s.visibility IN ('public', 'unlisted', 'private')
    ORDER BY s.id LIMIT $3
    """,
    StatusRow,
)
SENT_CREATES = Query(
    """
    SELECT o.status_id, o.document FROM outbox_activities o JOIN statuses s ON s.id = o.status_id
    WHERE o.status_id = ANY($1::bigint[]) AND o.type = 'Create' AND s.edited_at IS NULL
    """,
    SentStatusRow,
)


@dataclass(frozen=True, slots=True)
class KitPeerRow:
    """An inbox through which followers are reached, with one of them."""

    inbox: str
    host: str
    shared: bool
    software: str | None
    version: str | None
    follower: str
    followers: int


KIT_PEERS = Query(
    """
    SELECT coalesce(a.shared_inbox_url, a.inbox_url) AS inbox,
        split_part(a.uri, '/', 3) AS host, a.shared_inbox_url IS NOT NULL AS shared,
        h.software, h.software_version AS version, min(a.uri) AS follower,
        count(*)::int AS followers
    FROM follows f JOIN accounts a ON a.id = f.account_id
    LEFT JOIN hosts h ON h.host = split_part(a.uri, '/', 3)
    WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.domain IS NOT NULL
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 1
    """,
    KitPeerRow,
)
# $1 account, $2 our domain.
EXPORT_FOLLOWERS = Value(
    """
    SELECT a.username || '@' || coalesce(a.domain, $2::text)
    FROM follows f JOIN accounts a ON a.id = f.account_id
    WHERE f.target_id = $1 AND f.accepted_at IS NOT NULL AND a.deleted_at IS NULL ORDER BY f.id
    """,
    str,
)
MEDIA_BLOBS = Value(
    """
    SELECT DISTINCT m.blob FROM media_attachments m JOIN statuses s ON s.id = m.status_id
    WHERE s.account_id = $1 AND m.blob IS NOT NULL
      AND s.visibility IN ('public', 'unlisted', 'private') ORDER BY 1
    """,
    str,
)


@dataclass(frozen=True, slots=True)
class KitImportRow:
    """A kit that is brought in: which identity, and what of it is done."""

    account_id: int
    old_uri: str
    state: dict[str, Any]
    started_at: datetime
    finished_at: datetime | None


_IMPORT = "account_id, old_uri, state, started_at, finished_at"
KIT_IMPORT = Query(f"SELECT {_IMPORT} FROM kit_imports WHERE account_id = $1", KitImportRow)
# $1 account, $2 whose kit, $3 now.
BEGIN_KIT_IMPORT = Command(
    """
    INSERT INTO kit_imports (account_id, old_uri, started_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    """
)
# $2 what is done now, beside what was.
NOTE_KIT_IMPORT = Command("UPDATE kit_imports SET state = state || $2 WHERE account_id = $1")
END_KIT_IMPORT = Command("UPDATE kit_imports SET finished_at = $2 WHERE account_id = $1")


@dataclass(frozen=True, slots=True)
class BroughtPostRow:
    """A post of a kit, and the status that it became."""

    old_uri: str
    status_id: int


# $1 account, $2 URIs of the kit.
BROUGHT_POSTS = Query(
    """
    SELECT old_uri, status_id FROM brought_posts
    WHERE account_id = $1 AND old_uri = ANY($2::text[])
    """,
    BroughtPostRow,
)
# What they became.
BROUGHT_STATUSES = Query(
    f"SELECT {STATUS_COLUMNS} FROM statuses s WHERE s.id = ANY($1::bigint[])", StatusRow
)
# $1 account, $2 URI that it had, $3 status, $4 whose it was there.
NOTE_BROUGHT_POST = Command(
    """
    INSERT INTO brought_posts (account_id, old_uri, status_id, former_uri)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING
    """
)
COUNT_BROUGHT_POSTS = Value("SELECT count(*) FROM brought_posts WHERE account_id = $1", int)
# $1 account, $2 avatar, $3 header; NULL leaves what is there.
SET_PICTURES = Command(
    """
    UPDATE accounts SET avatar_blob = coalesce($2, avatar_blob),
        header_blob = coalesce($3, header_blob)
    WHERE id = $1 AND domain IS NULL
    """
)
# $1 account, $2 name, $3 text, $4 its source, $5 fields.
SET_BROUGHT_PROFILE = Command(
    """
    UPDATE accounts SET display_name = $2, note = $3, note_source = $4, fields = $5
    WHERE id = $1 AND domain IS NULL AND display_name = '' AND note = ''
    """
)

"""People's archives: what goes into one, those that were asked for, those that are brought in."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value
from storage.statuses import STATUS_COLUMNS, StatusRow

# $1 account, $2 after this one, $3 how many. Everything, also what was for single people.
ALL_WRITTEN = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.account_id = $1 AND s.id > $2 AND s.reblog_of_id IS NULL
    ORDER BY s.id LIMIT $3
    """,
    StatusRow,
)
ALL_MEDIA_BLOBS = Value(
    """
    SELECT DISTINCT m.blob FROM media_attachments m JOIN statuses s ON s.id = m.status_id
    WHERE s.account_id = $1 AND m.blob IS NOT NULL ORDER BY 1
    """,
    str,
)
FAVOURITED_URIS = Value(
    """
    SELECT s.uri FROM favourites f JOIN statuses s ON s.id = f.status_id
    WHERE f.account_id = $1 ORDER BY f.id
    """,
    str,
)
BOOKMARKED_URIS = Value(
    """
    SELECT s.uri FROM bookmarks b JOIN statuses s ON s.id = b.status_id
    WHERE b.account_id = $1 ORDER BY b.id
    """,
    str,
)

# $1 an address, $2 viewer or NULL. A post that was brought in from there: anybody can say in an
# archive that they wrote it, so others find it only where its author really moved here, or came
# with a kit, which the recovery key of that account opened.
BROUGHT_FROM = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM brought_posts b JOIN statuses s ON s.id = b.status_id
    WHERE b.old_uri = $1 AND (
        b.account_id = $2
        OR EXISTS (SELECT 1 FROM kit_imports k
                   WHERE k.account_id = b.account_id AND k.old_uri = b.former_uri)
        OR EXISTS (SELECT 1 FROM accounts o
                   WHERE o.uri = b.former_uri AND o.moved_to_id = b.account_id))
    ORDER BY b.account_id = $2 DESC NULLS LAST, s.id LIMIT 1
    """,
    StatusRow,
)


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """An archive that somebody asked for. No `made_at`: it is not ready, or `failure` says why."""

    id: int
    account_id: int
    requested_at: datetime
    blob: str | None
    bytes: int
    posts: int
    made_at: datetime | None
    failure: str | None


_ARCHIVE = ", ".join(f"a.{name}" for name in ArchiveRow.__dataclass_fields__)
# $1 account. Newest first.
ARCHIVES_OF = Query(
    f"""
    SELECT {_ARCHIVE} FROM account_archives a WHERE a.account_id = $1 ORDER BY a.id DESC LIMIT 20
    """,
    ArchiveRow,
)
# $1 id, $2 account, $3 now, $4 since when none may have been asked for.
ASK_FOR_ARCHIVE = Command(
    """
    INSERT INTO account_archives (id, account_id, requested_at, due_at)
    SELECT $1, $2, $3, $3 WHERE NOT EXISTS (
        SELECT 1 FROM account_archives a
        WHERE a.account_id = $2 AND a.requested_at > $4 AND a.failure IS NULL)
    """
)
# $1 now, $2 until when the claim holds.
CLAIM_ARCHIVE = Query(
    f"""
    UPDATE account_archives a SET due_at = $2 FROM (
        SELECT id FROM account_archives WHERE due_at <= $1
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) due WHERE a.id = due.id RETURNING {_ARCHIVE}
    """,
    ArchiveRow,
)
NEXT_ARCHIVE_AT = Value("SELECT min(due_at) FROM account_archives", datetime)
# $1 archive, $2 blob, $3 bytes, $4 posts, $5 now, $6 when it goes.
ARCHIVE_MADE = Command(
    """
    UPDATE account_archives SET blob = $2, bytes = $3, posts = $4, made_at = $5, due_at = $6
    WHERE id = $1
    """
)
ARCHIVE_FAILED = Command("UPDATE account_archives SET failure = $2, due_at = NULL WHERE id = $1")
DROP_ARCHIVE_FILE = Command("UPDATE account_archives SET blob = NULL, due_at = NULL WHERE id = $1")


@dataclass(frozen=True, slots=True)
class ArchiveImportRow:
    """An archive that is brought in. `reasons`: why posts were left out, with how many."""

    id: int
    account_id: int
    blob: str | None
    former: str
    total: int
    done: int
    failed: int
    reasons: dict[str, int]
    failure: str | None
    created_at: datetime
    finished_at: datetime | None


_IMPORT = ", ".join(f"i.{name}" for name in ArchiveImportRow.__dataclass_fields__)
ARCHIVE_IMPORTS_OF = Query(
    f"SELECT {_IMPORT} FROM archive_imports i WHERE i.account_id = $1 ORDER BY i.id DESC LIMIT 20",
    ArchiveImportRow,
)
# $1 id, $2 account, $3 blob, $4 who they were, $5 now. One at a time.
INSERT_ARCHIVE_IMPORT = Command(
    """
    INSERT INTO archive_imports (id, account_id, blob, former, created_at, due_at)
    SELECT $1, $2, $3, $4, $5, $5 WHERE NOT EXISTS (
        SELECT 1 FROM archive_imports i WHERE i.account_id = $2 AND i.finished_at IS NULL)
    """
)
CLAIM_ARCHIVE_IMPORT = Query(
    f"""
    UPDATE archive_imports i SET due_at = $2 FROM (
        SELECT id FROM archive_imports WHERE due_at <= $1
        ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED
    ) due WHERE i.id = due.id RETURNING {_IMPORT}
    """,
    ArchiveImportRow,
)
NEXT_ARCHIVE_IMPORT_AT = Value("SELECT min(due_at) FROM archive_imports", datetime)
# $1 import, $2 total, $3 done, $4 failed, $5 reasons, $6 until when the claim holds.
NOTE_ARCHIVE_IMPORT = Command(
    """
    UPDATE archive_imports SET total = $2, done = $3, failed = $4, reasons = $5, due_at = $6
    WHERE id = $1
    """
)
# $1 import, $2 why it ended early or NULL, $3 now.
END_ARCHIVE_IMPORT = Command(
    """
    UPDATE archive_imports SET failure = $2, finished_at = $3, due_at = NULL, blob = NULL
    WHERE id = $1
    """
)

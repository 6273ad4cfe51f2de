"""What the vault keeps in the database: which files the targets have, drills, the way back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class WaitingBlob:
    """A file of ours that not every target has yet."""

    name: str
    targets: list[str]


# $1 how many, $2 after this name.
WAITING_MEDIA = Query(
    """
    SELECT name, targets FROM vault_media
    WHERE NOT complete AND left_at IS NULL AND name > $2 ORDER BY name LIMIT $1
    """,
    WaitingBlob,
)
COUNT_WAITING_MEDIA = Value(
    "SELECT count(*) FROM vault_media WHERE NOT complete AND left_at IS NULL", int
)
# $1 the file, $2 the targets that have it, $3 whether those are all.
KEPT_MEDIA = Command("UPDATE vault_media SET targets = $2, complete = $3 WHERE name = $1")
# $1 the targets of now: what one of them lacks is to be brought there.
TARGETS_CHANGED = Command(
    "UPDATE vault_media SET complete = false WHERE complete AND NOT targets @> $1::text[]"
)
MEDIA_OF_VAULT = Value("SELECT name FROM vault_media WHERE left_at IS NULL ORDER BY name", str)
_NAMED = """
    EXISTS (SELECT 1 FROM media_attachments m WHERE m.blob = v.name)
    OR EXISTS (SELECT 1 FROM media_attachments m WHERE m.preview_blob = v.name)
    OR EXISTS (SELECT 1 FROM media_attachments m WHERE m.source_blob = v.name)
    OR EXISTS (SELECT 1 FROM accounts a WHERE a.avatar_blob = v.name)
    OR EXISTS (SELECT 1 FROM accounts a WHERE a.header_blob = v.name)
    OR EXISTS (SELECT 1 FROM custom_emojis e WHERE e.image_blob = v.name)
"""
# $1 now.
NOTE_LEFT_MEDIA = Command(
    f"UPDATE vault_media v SET left_at = $1 WHERE left_at IS NULL AND NOT ({_NAMED})"
)
# $1 left before.
MEDIA_TO_FORGET = Value("SELECT name FROM vault_media WHERE left_at < $1 ORDER BY name", str)
FORGET_MEDIA = Command("DELETE FROM vault_media WHERE name = $1 AND left_at IS NOT NULL")

IS_SYNCHRONOUS = Value(
    "SELECT count(*) > 0 FROM pg_stat_replication WHERE sync_state = 'sync'", bool
)


@dataclass(frozen=True, slots=True)
class DrillRow:
    """A restore that was tried out."""

    at: datetime
    proven: bool
    report: dict[str, Any]


# $1 id, $2 now, $3 whether all was there, $4 what was compared.
INSERT_DRILL = Command("INSERT INTO vault_drills (id, at, proven, report) VALUES ($1, $2, $3, $4)")
LAST_DRILL = Query("SELECT at, proven, report FROM vault_drills ORDER BY at DESC LIMIT 1", DrillRow)
LAST_PROVEN = Value("SELECT max(at) FROM vault_drills WHERE proven", datetime)


@dataclass(frozen=True, slots=True)
class ReturnRow:
    """How far an instance that was restored is on its way back."""

    id: int
    restored_at: datetime
    known_until: datetime
    stage: str
    stage_since: datetime
    report: dict[str, Any]


_RETURN = ", ".join(ReturnRow.__dataclass_fields__)
CURRENT_RETURN = Query(f"SELECT {_RETURN} FROM returns WHERE finished_at IS NULL", ReturnRow)
END_RETURNS = Command("UPDATE returns SET finished_at = $1 WHERE finished_at IS NULL")
# $1 id, $2 now, $3 known until, $4 the first stage.
BEGIN_RETURN = Command(
    """
    INSERT INTO returns (id, restored_at, known_until, stage, stage_since)
    VALUES ($1, $2, $3, $4, $2)
    """
)
# $1 id, $2 the stage before, $3 the stage, $4 now. Nothing where another process was quicker.
NEXT_STAGE = Command(
    """
    UPDATE returns SET stage = $3, stage_since = $4
    WHERE id = $1 AND stage = $2 AND finished_at IS NULL
    """
)
NOTE_IN_RETURN = Command("UPDATE returns SET report = report || $2 WHERE id = $1")
FINISH_RETURN = Command("UPDATE returns SET finished_at = $2, report = report || $3 WHERE id = $1")
# Nothing goes out before its stage. $1 until.
HOLD_LANES = Command(
    """
    UPDATE hosts SET leased_until = NULL, next_try_at = greatest(next_try_at, $1)
    WHERE next_try_at IS NOT NULL
    """
)
# $1 now, $2 within how many seconds: every host at a moment of its own.
RELEASE_LANES = Command(
    """
    WITH freed AS (
        UPDATE hosts SET next_try_at = $1::timestamptz + random() * make_interval(secs => $2)
        WHERE next_try_at IS NOT NULL AND gone_at IS NULL
    )
    SELECT pg_notify('fedserver_deliveries', '')
    """
)
# The files of kits are not in the vault: they are made anew. $1 now.
RENEW_KITS = Command("UPDATE kits SET due_at = $1 WHERE blob IS NOT NULL")
# One inbox for each host that was heard of: the shared one where there is one.
INBOXES_TO_GREET = Value(
    """
    SELECT DISTINCT ON (a.domain) coalesce(a.shared_inbox_url, a.inbox_url)
    FROM accounts a JOIN hosts h ON h.host = a.domain
    WHERE a.domain IS NOT NULL AND h.gone_at IS NULL AND a.deleted_at IS NULL
      AND coalesce(a.shared_inbox_url, a.inbox_url) <> ''
    ORDER BY a.domain, a.shared_inbox_url IS NULL, a.id
    """,
    str,
)
# Whom our people follow elsewhere, those who wrote last first. $1 how many.
OUTBOXES_TO_READ = Value(
    """
    SELECT a.outbox_url FROM accounts a
    WHERE a.domain IS NOT NULL AND a.outbox_url IS NOT NULL AND a.suspended_at IS NULL
      AND a.deleted_at IS NULL
      AND EXISTS (SELECT 1 FROM follows f JOIN accounts me ON me.id = f.account_id
                  WHERE f.target_id = a.id AND me.domain IS NULL)
    ORDER BY a.last_status_at DESC NULLS LAST LIMIT $1
    """,
    str,
)

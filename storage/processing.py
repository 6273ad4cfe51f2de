"""Uploads of which something is still to be made, and the workers that take them up."""

from datetime import datetime

from storage.media import MediaRow
from storage.query import Command, Query, Value

_COLUMNS = ", ".join(f"m.{name}" for name in MediaRow.__dataclass_fields__)

# Keeps an upload that waits for a worker, and wakes one unless $10 says that it is claimed.
INSERT_WAITING_MEDIA = Command(
    """
    WITH told AS (SELECT CASE WHEN $10::timestamptz IS NULL
        THEN pg_notify('fedserver_media', '') END)
    INSERT INTO media_attachments (id, account_id, type, media_type, source_blob, preview_blob,
        description, meta, created_at, claimed_until, blurhash, state)
    SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 'waiting' FROM told
    """
)
# $1 now, $2 claimed until, $3 how many. Who was taken up and never finished is taken up anew.
CLAIM_MEDIA_WORK = Query(
    f"""
    UPDATE media_attachments m SET claimed_until = $2, tries = m.tries + 1 FROM (
        SELECT id FROM media_attachments
        WHERE state = 'waiting' AND (claimed_until IS NULL OR claimed_until <= $1)
        ORDER BY claimed_until NULLS FIRST, id LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE m.id = due.id RETURNING {_COLUMNS}
    """,
    MediaRow,
)
TRIES_OF_MEDIA = Value("SELECT tries FROM media_attachments WHERE id = $1", int)
NEXT_MEDIA_WORK_AT = Value(
    """
    SELECT coalesce(claimed_until, created_at) FROM media_attachments
    WHERE state = 'waiting' ORDER BY claimed_until NULLS FIRST, id LIMIT 1
    """,
    datetime,
)
# A preview that the uploader chose stays; the source is not needed any more.
MEDIA_READY = Command(
    """
    UPDATE media_attachments SET state = 'ready', source_blob = NULL, claimed_until = NULL,
        type = $2, media_type = $3, blob = $4, preview_blob = coalesce(preview_blob, $5),
        blurhash = coalesce(blurhash, $6), meta = $7 || meta
    WHERE id = $1 AND state = 'waiting'
    """
)
MEDIA_FAILED = Command(
    """
    UPDATE media_attachments SET state = 'failed', source_blob = NULL, claimed_until = NULL,
        failure = $2
    WHERE id = $1 AND state = 'waiting'
    """
)
HOLD_MEDIA = Command(
    "UPDATE media_attachments SET claimed_until = $2 WHERE id = $1 AND state = 'waiting'"
)
# The server stops before it is done: another takes it up at once.
RELEASE_MEDIA = Command(
    """
    UPDATE media_attachments SET claimed_until = NULL, tries = greatest(tries - 1, 0)
    WHERE id = $1 AND state = 'waiting'
    """
)
SET_THUMBNAIL = Command(
    """
    UPDATE media_attachments SET preview_blob = $3, blurhash = $4, meta = meta || $5
    WHERE id = $1 AND account_id = $2
    """
)

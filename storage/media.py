"""Media attachments: uploads waiting to be posted, and what hangs on statuses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query


@dataclass(frozen=True, slots=True)
class MediaRow:
    """One attachment. `blob` names our own copy, `remote_url` a peer's.

    `state` is waiting, ready or failed; what is made of `source_blob` becomes `blob`.
    """

    id: int
    account_id: int
    status_id: int | None
    position: int
    type: str
    media_type: str | None
    blob: str | None
    preview_blob: str | None
    remote_url: str | None
    preview_remote_url: str | None
    description: str | None
    blurhash: str | None
    meta: dict[str, Any]
    created_at: datetime
    state: str = "ready"
    source_blob: str | None = None
    failure: str | None = None


_COLUMNS = ", ".join(f"m.{name}" for name in MediaRow.__dataclass_fields__)

MEDIA_OF_OWNER = Query(
    f"SELECT {_COLUMNS} FROM media_attachments m WHERE m.id = $1 AND m.account_id = $2", MediaRow
)
MEDIA_OF_STATUSES = Query(
    f"""
    SELECT {_COLUMNS} FROM media_attachments m WHERE m.status_id = ANY($1::bigint[])
    ORDER BY m.status_id, m.position
    """,
    MediaRow,
)
# The owner's own uploads that hang on no status yet, or already on this one.
MEDIA_FOR_STATUS = Query(
    f"""
    SELECT {_COLUMNS} FROM media_attachments m
    WHERE m.id = ANY($1::bigint[]) AND m.account_id = $2
      AND (m.status_id IS NULL OR m.status_id = $3)
    """,
    MediaRow,
)
INSERT_MEDIA = Command(
    """
    INSERT INTO media_attachments (id, account_id, status_id, position, type, media_type, blob,
        preview_blob, remote_url, preview_remote_url, description, blurhash, meta, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
    """
)
ATTACH_MEDIA = Command(
    """
    UPDATE media_attachments m SET status_id = $1, position = x.position
    FROM unnest($3::bigint[], $4::smallint[]) AS x (id, position)
    WHERE m.id = x.id AND m.account_id = $2
    """
)
DETACH_OTHER_MEDIA = Command(
    """
    UPDATE media_attachments SET status_id = NULL
    WHERE status_id = $1 AND account_id = $2 AND NOT id = ANY($3::bigint[])
    """
)
DELETE_MEDIA_OF_STATUS = Command("DELETE FROM media_attachments WHERE status_id = $1")
DESCRIBE_MEDIA = Command(
    """
    UPDATE media_attachments SET description = $3, meta = $4 WHERE id = $1 AND account_id = $2
    """
)
DELETE_UNATTACHED_MEDIA = Command(
    """
    DELETE FROM media_attachments
    WHERE id = $1 AND account_id = $2 AND status_id IS NULL AND scheduled_id IS NULL
    """
)
# A changed description must reach who reads the status: its row version names cached entities.
TOUCH_STATUS = Command(
    "UPDATE statuses SET sensitive = sensitive WHERE id = $1 AND account_id = $2"
)
# Those that wait with scheduled posts.
MEDIA_OF_SCHEDULED = Query(
    f"SELECT {_COLUMNS} FROM media_attachments m WHERE m.scheduled_id = ANY($1::bigint[])", MediaRow
)

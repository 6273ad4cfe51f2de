"""Peers' media that are kept for a while, because somebody looked at them."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query


@dataclass(frozen=True, slots=True)
class RemoteMediaRow:
    """What came of a fetch: `blob` None says that nothing of use did."""

    blob: str | None
    fetched_at: datetime
    used_at: datetime


# $1 the key: SHA-256 of variant and address.
REMOTE_MEDIA = Query(
    "SELECT blob, fetched_at, used_at FROM remote_media WHERE key = $1", RemoteMediaRow
)
PUT_REMOTE_MEDIA = Command(
    """
    INSERT INTO remote_media (key, url, blob, bytes, fetched_at, used_at)
    VALUES ($1, $2, $3, $4, $5, $5)
    ON CONFLICT (key) DO UPDATE SET blob = excluded.blob, bytes = excluded.bytes,
        fetched_at = excluded.fetched_at, used_at = excluded.used_at
    """
)
USE_REMOTE_MEDIA = Command("UPDATE remote_media SET used_at = $2 WHERE key = $1")
# What nobody has looked at since $1.
FORGET_UNUSED_REMOTE_MEDIA = Command("DELETE FROM remote_media WHERE used_at < $1")
# Of what was looked at last, as much as fits into $1 bytes stays.
FIT_REMOTE_MEDIA = Command(
    """
    DELETE FROM remote_media r USING (
        SELECT key, sum(bytes) OVER (ORDER BY used_at DESC, key) AS so_far FROM remote_media
    ) x
    WHERE r.key = x.key AND x.so_far > $1
    """
)

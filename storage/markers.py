"""How far a person has read in a timeline."""

from datetime import datetime

import msgspec

from storage.query import Query


class MarkerRow(msgspec.Struct, frozen=True, gc=False):
    """The last entry read in `timeline` (home, notifications)."""

    timeline: str
    last_read_id: int
    version: int
    updated_at: datetime


_COLUMNS = "timeline, last_read_id, version, updated_at"

# $1 whose, $2 timelines.
MARKERS = Query(
    f"SELECT {_COLUMNS} FROM markers WHERE account_id = $1 AND timeline = ANY($2::text[])",
    MarkerRow,
)
# $1 whose, $2 timelines, $3 last read ids, $4 now.
SAVE_MARKERS = Query(
    f"""
    INSERT INTO markers (account_id, timeline, last_read_id, updated_at)
    SELECT $1, n.timeline, n.last_read_id, $4
    FROM unnest($2::text[], $3::bigint[]) AS n (timeline, last_read_id)
    ON CONFLICT (account_id, timeline) DO UPDATE
    SET last_read_id = excluded.last_read_id, version = markers.version + 1,
        updated_at = excluded.updated_at
    RETURNING {_COLUMNS}
    """,
    MarkerRow,
)

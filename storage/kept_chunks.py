"""Sealed chunks and media that we keep for other instances: what is here, for whom, until when."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """Bytes that we keep under a name for the partner of a contract."""

    id: int
    contract_id: int
    name: str
    sha256: str
    size: int
    reader_did: str | None
    stored_at: datetime
    remove_after: datetime | None


_COLUMNS = ", ".join(f"k.{name}" for name in ChunkRow.__dataclass_fields__)

CHUNK = Query(
    f"SELECT {_COLUMNS} FROM mirror_chunks k WHERE k.contract_id = $1 AND k.name = $2", ChunkRow
)
# $1 contract, $2 prefix with % and _ escaped, $3 the name before, $4 how many.
CHUNKS = Query(
    f"""
    SELECT {_COLUMNS} FROM mirror_chunks k
    WHERE k.contract_id = $1 AND k.class = 'chunks' AND k.name > $3
      AND k.name LIKE $2 || '%'
    ORDER BY k.name LIMIT $4
    """,
    ChunkRow,
)
# A person's own, whoever brought them here. $1 key, $2 the name before, $3 how many.
CHUNKS_OF_READER = Query(
    f"""
    SELECT {_COLUMNS} FROM mirror_chunks k
    WHERE k.reader_did = $1 AND k.name LIKE $2 || '%' AND k.name > $3
    ORDER BY k.name, k.id LIMIT $4
    """,
    ChunkRow,
)
CHUNK_OF_READER = Query(
    f"""
    SELECT {_COLUMNS} FROM mirror_chunks k
    WHERE k.reader_did = $1 AND k.name = $2 ORDER BY k.id DESC LIMIT 1
    """,
    ChunkRow,
)
INSERT_CHUNK = Command(
    """
    INSERT INTO mirror_chunks
        (id, contract_id, name, class, sha256, size, reader_did, stored_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    """
)
COUNT_KEPT = Command("UPDATE mirror_contracts SET kept_bytes = kept_bytes + $2 WHERE id = $1")
# $1 contract, $2 name, $3 until when it is kept all the same. The first word counts.
REMOVE_CHUNK = Command(
    """
    UPDATE mirror_chunks SET remove_after = $3
    WHERE contract_id = $1 AND name = $2 AND class = 'chunks' AND remove_after IS NULL
    """
)
# The same bytes again under the same name: it is wanted after all.
WANTED_AGAIN = Command("UPDATE mirror_chunks SET remove_after = NULL WHERE id = $1")

CHUNKS_DUE = Query(
    f"""
    SELECT {_COLUMNS} FROM mirror_chunks k WHERE k.remove_after <= $1
    ORDER BY k.remove_after LIMIT $2
    """,
    ChunkRow,
)
NEXT_CHUNK_DUE = Value("SELECT min(remove_after) FROM mirror_chunks", datetime)
DELETE_CHUNK = Command("DELETE FROM mirror_chunks WHERE id = $1 AND remove_after <= $2")
CONTENT_STILL_NAMED = Value(
    "SELECT EXISTS (SELECT 1 FROM mirror_chunks WHERE contract_id = $1 AND sha256 = $2)", bool
)
# $1 contract, $2 hashes: those of content that no row names, as after a crash while it was kept.
UNNAMED_CONTENT = Value(
    """
    SELECT h.sha256 FROM unnest($2::text[]) AS h (sha256)
    WHERE NOT EXISTS (SELECT 1 FROM mirror_chunks k
                      WHERE k.contract_id = $1 AND k.sha256 = h.sha256)
    """,
    str,
)

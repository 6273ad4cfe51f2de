"""Names of files that may have no row: written before their row, or left by one that is gone.

Whoever keeps a file notes its name first, so that a crash before the row is there leaves a note.
"""

from storage.query import Command, Value

# $1 names, $2 when to look whether a row names them by then.
DOUBT_BLOBS = Command(
    """
    INSERT INTO doubtful_blobs (name, due_at)
    SELECT n.name, $2 FROM (SELECT DISTINCT unnest($1::text[]) AS name ORDER BY 1) n
    ON CONFLICT (name) DO UPDATE SET due_at = greatest(doubtful_blobs.due_at, excluded.due_at)
    """
)
# $1 now, $2 how many: holds those whose time has come until the transaction's end, so that
# nobody can begin to keep the same content meanwhile.
DUE_BLOBS = Value(
    """
    SELECT name FROM doubtful_blobs WHERE due_at <= $1 ORDER BY due_at, name LIMIT $2
    FOR UPDATE SKIP LOCKED
    """,
    str,
)
# $1 names: those that no row names.
BLOBS_WITHOUT_ROW = Value(
    """
    SELECT n.name FROM unnest($1::text[]) AS n (name)
    WHERE NOT EXISTS (SELECT 1 FROM media_attachments m WHERE m.blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM media_attachments m WHERE m.preview_blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM media_attachments m WHERE m.source_blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM remote_media r WHERE r.blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.avatar_blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM accounts a WHERE a.header_blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM custom_emojis e WHERE e.image_blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM kits k WHERE k.blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM account_archives c WHERE c.blob = n.name)
      AND NOT EXISTS (SELECT 1 FROM archive_imports i WHERE i.blob = n.name)
    """,
    str,
)
FORGET_DOUBTS = Command("DELETE FROM doubtful_blobs WHERE name = ANY($1::text[])")

"""What is removed in time: nothing that anybody was promised."""

from storage.query import Command

# Home timelines keep their newest $1 entries.
TRIM_HOMES = Command(
    """
    DELETE FROM home_entries h USING (
        SELECT u.account_id, (
            SELECT e.status_id FROM home_entries e WHERE e.account_id = u.account_id
            ORDER BY e.status_id DESC OFFSET $1 LIMIT 1) AS oldest
        FROM users u
    ) x
    WHERE h.account_id = x.account_id AND h.status_id <= x.oldest
    """
)
# Who was away since $1 gets the timeline rebuilt on return; until then it is not kept.
EMPTY_HOMES_OF_ABSENT = Command(
    """
    WITH absent AS (
        UPDATE users SET home_built_at = NULL
        WHERE last_active_at < $1 AND home_built_at IS NOT NULL
        RETURNING account_id
    )
    DELETE FROM home_entries h USING absent WHERE h.account_id = absent.account_id
    """
)
FORGET_EXPIRED_CODES = Command("DELETE FROM oauth_codes WHERE expires_at < $1")
FORGET_EXPIRED_SESSIONS = Command("DELETE FROM web_sessions WHERE expires_at < $1")
FORGET_EXPIRED_MUTES = Command("DELETE FROM mutes WHERE expires_at < $1")
# Uploads that were never posted; their files are doubted then (storage/doubtful_blobs.py).
FORGET_UNPOSTED_MEDIA = Command(
    """
    DELETE FROM media_attachments
    WHERE status_id IS NULL AND scheduled_id IS NULL AND created_at < $1
    """
)

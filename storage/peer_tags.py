"""The hashtags that peers' people show on their profiles: where the list is, and what was read."""

from storage.query import Command, Value

# $1 account, $2 the collection, or NULL. Another one is read anew.
SET_FEATURED_TAGS_URL = Command(
    """
    UPDATE accounts SET featured_tags_url = $2, featured_tags_read_at = NULL
    WHERE id = $1 AND domain IS NOT NULL AND featured_tags_url IS DISTINCT FROM $2
    """
)
FEATURED_TAGS_URL = Value(
    "SELECT featured_tags_url FROM accounts WHERE id = $1 AND featured_tags_url IS NOT NULL", str
)
# Accounts that somebody here follows whose list was not read since $1; $2 how many.
FEATURED_TAGS_UNREAD = Value(
    """
    SELECT a.id FROM accounts a
    WHERE a.domain IS NOT NULL AND a.featured_tags_url IS NOT NULL
      AND (a.featured_tags_read_at IS NULL OR a.featured_tags_read_at < $1)
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND EXISTS (SELECT 1 FROM follows f JOIN users u ON u.account_id = f.account_id
                  WHERE f.target_id = a.id AND f.accepted_at IS NOT NULL)
    ORDER BY a.featured_tags_read_at NULLS FIRST, a.id LIMIT $2
    """,
    int,
)
# Whoever sets it first reads the list. $2 now, $3 since when it would have been read.
CLAIM_FEATURED_TAGS = Command(
    """
    UPDATE accounts SET featured_tags_read_at = $2
    WHERE id = $1 AND (featured_tags_read_at IS NULL OR featured_tags_read_at < $3)
    """
)
# The whole list of an account. $1 account, then of each its id, the id of the tag if it is new,
# its name and how it is written; $6 now. Names are sorted and differ.
REPLACE_FEATURED_TAGS = Command(
    """
    WITH wanted AS (
        SELECT * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[])
            AS w (id, tag_id, name, written)
    ), gone AS (
        DELETE FROM featured_tags f USING tags t
        WHERE f.account_id = $1 AND t.id = f.tag_id AND NOT t.name = ANY ($4)
    ), tag AS (
        INSERT INTO tags (id, name, display_name, created_at)
        SELECT tag_id, name, written, $6 FROM wanted
        ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name
    )
    INSERT INTO featured_tags (id, account_id, tag_id, name, created_at)
    SELECT w.id, $1, tag.id, w.written, $6 FROM wanted w JOIN tag ON tag.name = w.name
    ON CONFLICT DO NOTHING
    """
)

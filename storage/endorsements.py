"""Whom people recommend on their profiles (Mastodon API: endorsements). It counts while one
follows them."""

from storage.account_reads import AccountHeadRow
from storage.paging import Paged, paged
from storage.query import Command
from storage.visibility import unwanted

# Only whom one follows. $1 id, $2 who, $3 whom, $4 now.
ENDORSE = Command(
    """
    INSERT INTO endorsements (id, account_id, target_id, created_at)
    SELECT $1, $2, $3, $4
    WHERE EXISTS (SELECT 1 FROM follows f
                  WHERE f.account_id = $2 AND f.target_id = $3 AND f.accepted_at IS NOT NULL)
    ON CONFLICT (account_id, target_id) DO NOTHING
    """
)
UNENDORSE = Command("DELETE FROM endorsements WHERE account_id = $1 AND target_id = $2")

# $4 viewer or NULL, $5 whose.
ENDORSED_BY: Paged[AccountHeadRow] = paged(
    f"""
    SELECT e.id AS cursor, a.id, a.xmin::text::bigint AS version
    FROM endorsements e JOIN accounts a ON a.id = e.target_id
    JOIN follows f ON f.account_id = e.account_id AND f.target_id = e.target_id
        AND f.accepted_at IS NOT NULL
    WHERE e.account_id = $5 AND e.id < $1 AND e.id > $2
      AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND ($4::bigint IS NULL OR NOT {unwanted("a.id", "$4::bigint")})
    ORDER BY e.id {{direction}} LIMIT $3
    """,
    AccountHeadRow,
)

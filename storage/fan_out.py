"""Writing what an act makes visible: home timelines."""

from storage.languages import in_other_language
from storage.query import Command
from storage.visibility import unwanted
from storage.welcome import names_unwanted

_SHOWN = "(SELECT coalesce(x.reblog_of_id, x.id) FROM statuses x WHERE x.id = $1)"
# One statement for each post: the home timelines of its author, of the followers who were active
# lately, and nothing else. $1 status, $2 author, $3 answered account or NULL, $4 is a boost,
# $5 the author of the boosted status or NULL, $6 active since, $7 visibility.
# A reply is shown to those who also follow whom it answers; a direct post to nobody but its author
# and the followers it names; a boost unless its follower hid boosts; a post unless its follower
# wants other languages.
FAN_OUT = Command(
    f"""
    INSERT INTO home_entries (account_id, status_id)
    SELECT u.account_id, $1
    FROM users u
    LEFT JOIN follows f ON f.account_id = u.account_id AND f.target_id = $2
        AND f.accepted_at IS NOT NULL
    WHERE u.last_active_at > $6
      AND (u.account_id = $2 OR f.id IS NOT NULL)
      AND (u.account_id = $2 OR (
        (NOT $4 OR f.show_reblogs)
        AND NOT EXISTS (
            SELECT 1 FROM statuses l WHERE l.id = $1 AND {in_other_language("f", "l")})
        AND NOT {names_unwanted(_SHOWN, "u.account_id", "now()", notifications=False)}
        AND ($7 <> 'direct' OR EXISTS (
            SELECT 1 FROM mentions m WHERE m.status_id = $1 AND m.account_id = u.account_id))
        AND ($3::bigint IS NULL OR $3 = $2 OR $3 = u.account_id OR EXISTS (
            SELECT 1 FROM follows r
            WHERE r.account_id = u.account_id AND r.target_id = $3 AND r.accepted_at IS NOT NULL))
        AND ($5::bigint IS NULL OR NOT EXISTS (
            SELECT 1 FROM blocks b
            WHERE (b.account_id = u.account_id AND b.target_id = $5)
               OR (b.account_id = $5 AND b.target_id = u.account_id)))))
    ON CONFLICT DO NOTHING
    """
)
# A public post comes to those who follow one of its hashtags.
# $1 status, $2 author, $3 active since.
FAN_OUT_BY_TAG = Command(
    f"""
    INSERT INTO home_entries (account_id, status_id)
    SELECT DISTINCT u.account_id, $1::bigint
    FROM status_tags st
    JOIN tag_follows f ON f.tag_id = st.tag_id
    JOIN users u ON u.account_id = f.account_id
    WHERE st.status_id = $1 AND u.last_active_at > $3
      AND NOT {unwanted("$2::bigint", "u.account_id")}
    ON CONFLICT DO NOTHING
    """
)
# A boost of what the reader already has among the newest entries is not shown again.
DROP_REPEATED_BOOSTS = Command(
    """
    DELETE FROM home_entries h
    WHERE h.status_id = $1 AND h.account_id <> $3 AND EXISTS (
        SELECT 1 FROM (
            SELECT h2.status_id FROM home_entries h2
            WHERE h2.account_id = h.account_id AND h2.status_id < $1
            ORDER BY h2.status_id DESC LIMIT 40
        ) lately JOIN statuses s ON s.id = lately.status_id
        WHERE s.id = $2 OR s.reblog_of_id = $2)
    """
)
REMOVE_AUTHOR_FROM_HOME = Command(
    """
    DELETE FROM home_entries h USING statuses s
    WHERE h.account_id = $1 AND s.id = h.status_id
      AND (s.account_id = $2 OR EXISTS (
          SELECT 1 FROM statuses r WHERE r.id = s.reblog_of_id AND r.account_id = $2))
    """
)
# A new follow brings the newest posts of the followed account.
ADD_AUTHOR_TO_HOME = Command(
    f"""
    INSERT INTO home_entries (account_id, status_id)
    SELECT $1, s.id FROM statuses s
    WHERE s.account_id = $2 AND s.visibility <> 'direct'
      AND (s.in_reply_to_account_id IS NULL OR s.in_reply_to_account_id IN ($1, $2))
      AND NOT EXISTS (
        SELECT 1 FROM follows f
        WHERE f.account_id = $1 AND f.target_id = $2 AND {in_other_language("f", "s")})
    ORDER BY s.id DESC LIMIT 40
    ON CONFLICT DO NOTHING
    """
)

"""Conversations: the direct posts of a thread between the same people, as one of them sees them
(Mastodon API: Conversation)."""

import msgspec

from storage.paging import Paged, paged
from storage.query import Command, Query, Value

# Puts direct statuses $1 into the conversations of the people here who are in them: their author,
# and whom they mention, once a notification has told them. $2 only of this person, or NULL; $3
# first id.
CONVERSE = Command(
    """
    WITH posts AS (
        SELECT s.id, s.account_id, s.thread_id FROM statuses s
        WHERE s.id = ANY($1::bigint[]) AND s.visibility = 'direct'
    ), people AS (
        SELECT p.id AS status_id, m.account_id
        FROM posts p JOIN mentions m ON m.status_id = p.id AND NOT m.silent
        UNION SELECT p.id, p.account_id FROM posts p
    ), views AS (
        SELECT p.id AS status_id, p.thread_id, o.account_id, o.account_id <> p.account_id AS unread,
            ARRAY(SELECT q.account_id FROM people q
                  WHERE q.status_id = p.id AND q.account_id <> o.account_id
                  ORDER BY q.account_id) AS others
        FROM posts p JOIN people o ON o.status_id = p.id JOIN users u ON u.account_id = o.account_id
        WHERE ($2::bigint IS NULL OR o.account_id = $2)
          AND (o.account_id = p.account_id OR EXISTS (
            SELECT 1 FROM notifications n
            WHERE n.account_id = o.account_id AND n.from_account_id = p.account_id
              AND n.type = 'mention' AND n.status_id = p.id AND NOT n.filtered))
          AND NOT EXISTS (
            SELECT 1 FROM conversation_statuses k JOIN conversations c ON c.id = k.conversation_id
            WHERE k.status_id = p.id AND c.account_id = o.account_id)
    ), kept AS (
        INSERT INTO conversations AS c (id, account_id, thread_id, participant_ids,
            participants_key, last_status_id, unread)
        SELECT $3::bigint + row_number() OVER (), v.account_id, v.thread_id, v.others,
            md5(array_to_string(v.others, ',')), max(v.status_id),
            (array_agg(v.unread ORDER BY v.status_id DESC))[1]
        FROM views v GROUP BY v.account_id, v.thread_id, v.others
        ON CONFLICT (account_id, thread_id, participants_key) DO UPDATE
            SET last_status_id = greatest(c.last_status_id, excluded.last_status_id),
                unread = CASE WHEN excluded.last_status_id > c.last_status_id
                    THEN excluded.unread ELSE c.unread OR excluded.unread END
        RETURNING c.id, c.account_id, c.thread_id, c.participants_key
    )
    INSERT INTO conversation_statuses (conversation_id, status_id)
    SELECT k.id, v.status_id FROM views v JOIN kept k ON k.account_id = v.account_id
        AND k.thread_id = v.thread_id AND k.participants_key = md5(array_to_string(v.others, ','))
    ON CONFLICT DO NOTHING
    """
)
# Threads $1 have become part of thread $2, with their conversations; those of the same people are
# one from then on.
MOVE_CONVERSATIONS = Command(
    """
    WITH moving AS (
        SELECT c.id, c.last_status_id, c.unread, coalesce(k.id, first_value(c.id) OVER (
            PARTITION BY c.account_id, c.participants_key ORDER BY c.id)) AS kept_id
        FROM conversations c LEFT JOIN conversations k ON k.account_id = c.account_id
            AND k.participants_key = c.participants_key AND k.thread_id = $2
        WHERE c.thread_id = ANY($1::bigint[])
    ), kept AS (
        UPDATE conversations c SET thread_id = $2, unread = c.unread OR m.unread,
            last_status_id = greatest(c.last_status_id, m.last_status_id)
        FROM (SELECT kept_id, bool_or(unread) AS unread, max(last_status_id) AS last_status_id
              FROM moving GROUP BY kept_id) m
        WHERE c.id = m.kept_id
    ), joined AS (
        INSERT INTO conversation_statuses (conversation_id, status_id)
        SELECT m.kept_id, s.status_id
        FROM moving m JOIN conversation_statuses s ON s.conversation_id = m.id
        WHERE m.kept_id <> m.id
        ON CONFLICT DO NOTHING
    )
    DELETE FROM conversations c USING moving m WHERE c.id = m.id AND m.kept_id <> m.id
    """
)


class ConversationRow(msgspec.Struct, frozen=True, gc=False):
    """One person's conversation; `participant_ids` are the others in it."""

    id: int
    participant_ids: list[int]
    last_status_id: int
    unread: bool


_COLUMNS = "c.id, c.participant_ids, c.last_status_id, c.unread"

# $4 whose.
CONVERSATIONS: Paged[ConversationRow] = paged(
    f"""
    SELECT {_COLUMNS} FROM conversations c
    WHERE c.last_status_id < $1 AND c.last_status_id > $2 AND c.account_id = $4
    ORDER BY c.last_status_id {{direction}} LIMIT $3
    """,
    ConversationRow,
)
# $1 ids, $2 whose.
CONVERSATIONS_BY_ID = Query(
    f"SELECT {_COLUMNS} FROM conversations c WHERE c.id = ANY($1::bigint[]) AND c.account_id = $2",
    ConversationRow,
)
# $1 id, $2 whose, $3 unread.
MARK_CONVERSATION = Query(
    f"""
    UPDATE conversations c SET unread = $3 WHERE c.id = $1 AND c.account_id = $2
    RETURNING {_COLUMNS}
    """,
    ConversationRow,
)
DELETE_CONVERSATION = Command("DELETE FROM conversations WHERE id = $1 AND account_id = $2")
# The direct statuses that requests $1 of $2 keep apart, the newest $3.
DIRECT_STATUSES_ASKED = Value(
    """
    SELECT s.id
    FROM notification_requests r
    JOIN notifications n ON n.account_id = r.account_id AND n.from_account_id = r.from_account_id
        AND n.filtered AND n.type = 'mention'
    JOIN statuses s ON s.id = n.status_id AND s.visibility = 'direct'
    WHERE r.id = ANY($1::bigint[]) AND r.account_id = $2
    ORDER BY n.id DESC LIMIT $3
    """,
    int,
)

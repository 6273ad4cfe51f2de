"""What open streams ask: who of those connected gets a status, and as what they see it."""

import msgspec

from storage.query import Command, Query, Value
from storage.status_reads import HeadRow, head_query
from storage.user_domains import domain_blocked
from storage.visibility import unwanted

MAX_READERS_NAMED = 250


class StatusSignal(msgspec.Struct, frozen=True, kw_only=True):
    """The payload of a signal about a status. `kind` is new, edit or delete.

    Of a deleted one nothing can be asked any more, so the signal says whether it was in the public
    timelines, and which people here had it at home; None: too many to name.
    """

    kind: str
    id: int
    public: bool = False
    local: bool = False
    readers: list[int] | None = None


def _signalling_deletions(gone: str) -> str:
    """SQL that signals on the channel $2 that the statuses of the query `gone` go."""
    return f"""
    SELECT pg_notify($2, jsonb_build_object(
        'kind', 'delete', 'id', gone.id, 'local', gone.local, 'public', gone.public,
        'readers', (
            SELECT CASE WHEN count(*) <= {MAX_READERS_NAMED}
                THEN coalesce(jsonb_agg(had.account_id), '[]') END
            FROM (SELECT h.account_id FROM home_entries h WHERE h.status_id = gone.id
                  UNION
                  SELECT m.account_id FROM mentions m JOIN users u ON u.account_id = m.account_id
                  WHERE m.status_id = gone.id
                  LIMIT {MAX_READERS_NAMED + 1}) had))::text)
    FROM ({gone}) gone
    """


_GOING = "s.id, s.local, s.visibility = 'public' AND s.reblog_of_id IS NULL AS public"
# $1 a status that is about to be deleted, with all boosts of it; $2 the channel. (Of the boosts the
# first only: whoever has another sees its boosted status go.)
SIGNAL_DELETION = Command(
    _signalling_deletions(
        f"""
        SELECT {_GOING} FROM statuses s WHERE s.id = $1
        UNION ALL
        (SELECT b.id, b.local, false FROM statuses b WHERE b.reblog_of_id = $1
         ORDER BY b.id LIMIT 200)
        """
    )
)
# $1 an account whose posts and boosts are about to be deleted; $2 the channel. The newest only:
# what an open timeline shows of one account is not more.
SIGNAL_DELETIONS_OF_ACCOUNT = Command(
    _signalling_deletions(
        f"""
        SELECT {_GOING} FROM statuses s WHERE s.account_id = $1 ORDER BY s.id DESC LIMIT 200
        """
    )
)


class StreamedRow(msgspec.Struct, frozen=True, gc=False):
    """What decides which timelines a status is in. `listed`: in those of hashtags; `public`: in
    those of everything, too."""

    id: int
    local: bool
    listed: bool
    public: bool
    has_media: bool
    tags: list[str]


STREAMED_STATUSES = Query(
    """
    SELECT s.id, s.local, l.listed,
        l.listed AND (s.in_reply_to_account_id IS NULL
                      OR s.in_reply_to_account_id = s.account_id) AS public,
        EXISTS (SELECT 1 FROM media_attachments m WHERE m.status_id = s.id) AS has_media,
        ARRAY(SELECT t.name FROM status_tags st JOIN tags t ON t.id = st.tag_id
              WHERE st.status_id = s.id) AS tags
    FROM statuses s JOIN accounts a ON a.id = s.account_id
    CROSS JOIN LATERAL (SELECT s.visibility = 'public' AND s.reblog_of_id IS NULL
        AND a.silenced_at IS NULL AS listed) l
    WHERE s.id = ANY($1::bigint[])
    """,
    StreamedRow,
)


class ReaderRow(msgspec.Struct, frozen=True, gc=False):
    """A timeline that has a status: a person's home, or a list."""

    status_id: int
    timeline_id: int


# $1 statuses, $2 people. What each has at home, but for members of an exclusive list
# (storage.timelines.HOME); blocks and mutes are asked by HEADS_FOR_VIEWERS.
HOMES_WITH = Query(
    """
    SELECT h.status_id, h.account_id AS timeline_id
    FROM home_entries h JOIN statuses s ON s.id = h.status_id
    WHERE h.status_id = ANY($1::bigint[]) AND h.account_id = ANY($2::bigint[])
      AND NOT EXISTS (
        SELECT 1 FROM list_accounts xm JOIN lists xl ON xl.id = xm.list_id
        WHERE xm.account_id = s.account_id AND xl.account_id = h.account_id AND xl.exclusive
          AND xm.account_id <> h.account_id OFFSET 0)
    """,
    ReaderRow,
)
# $1 statuses, $2 lists. The rules of storage.lists.LIST_TIMELINE.
LISTS_HAVING = Query(
    """
    SELECT c.id AS status_id, l.id AS timeline_id
    FROM statuses c
    JOIN list_accounts m ON m.account_id = c.account_id
    JOIN lists l ON l.id = m.list_id
    LEFT JOIN follows mf ON mf.id = m.follow_id
    WHERE c.id = ANY($1::bigint[]) AND l.id = ANY($2::bigint[])
      AND c.visibility <> 'direct'
      AND (c.reblog_of_id IS NULL OR coalesce(mf.show_reblogs, true))
      AND (c.in_reply_to_account_id IS NULL
           OR c.in_reply_to_account_id IN (c.account_id, l.account_id)
           OR (l.replies_policy = 'list' AND EXISTS (
               SELECT 1 FROM list_accounts o
               WHERE o.list_id = l.id AND o.account_id = c.in_reply_to_account_id OFFSET 0))
           OR (l.replies_policy = 'followed' AND EXISTS (
               SELECT 1 FROM follows rf
               WHERE rf.account_id = l.account_id AND rf.target_id = c.in_reply_to_account_id
                 AND rf.accepted_at IS NOT NULL OFFSET 0)))
    """,
    ReaderRow,
)
LIST_OWNER = Value("SELECT l.account_id FROM lists l WHERE l.id = $1", int)


# In which sort of timeline a status is shown: what one follows is there although its domain is
# blocked, and what is quoted is told apart by its own state.
HOME, PUBLIC, QUOTED = range(3)


class SharedHeadRow(HeadRow, frozen=True, gc=False):
    """A head that is the same for several viewers; `places`: which of those that were asked for."""

    places: list[int]


# $1 statuses, $2 viewers and $3 kinds, one beside the other. One row for all who see a status
# alike; none for those who may not see it, or do not want to.
HEADS_FOR_VIEWERS = Query(
    f"""
    SELECT max(cursor) AS cursor, id, version, account_id, account_version, reblog_id,
        reblog_version, reblog_account_id, reblog_account_version, flags, poll_id, quotes,
        quote_policy, quote_right, policy, array_agg(cursor) AS places
    FROM ({
        head_query(
            "unnest($1::bigint[], $2::bigint[], $3::smallint[]) WITH ORDINALITY "
            "AS w (status_id, viewer, kind, place) JOIN statuses s ON s.id = w.status_id",
            f'''(w.viewer IS NULL OR w.kind = {QUOTED} OR (
            NOT {unwanted("s.account_id", "w.viewer", domains=False)}
            AND (w.kind <> {PUBLIC} OR NOT {domain_blocked("s.account_id", "w.viewer")})
            AND (r.id IS NULL OR NOT {unwanted("r.account_id", "w.viewer")})))''',
            cursor="w.place",
            viewer="w.viewer",
        )
    }) seen
    GROUP BY id, version, account_id, account_version, reblog_id, reblog_version,
        reblog_account_id, reblog_account_version, flags, poll_id, quotes, quote_policy,
        quote_right, policy
    """,
    SharedHeadRow,
)


class VotesRow(msgspec.Struct, frozen=True, gc=False):
    """What somebody chose in a poll."""

    poll_id: int
    account_id: int
    choices: list[int]


# $1 polls, $2 accounts.
VOTES_OF_VIEWERS = Query(
    """
    SELECT v.poll_id, v.account_id, array_agg(v.choice::int ORDER BY v.choice) AS choices
    FROM poll_votes v
    WHERE v.poll_id = ANY($1::bigint[]) AND v.account_id = ANY($2::bigint[])
    GROUP BY v.poll_id, v.account_id
    """,
    VotesRow,
)

# Those of $1 that still open something: the token is there, and its person may sign in.
VALID_TOKENS = Value(
    """
    SELECT t.id FROM oauth_tokens t
    LEFT JOIN users u ON u.account_id = t.account_id
    LEFT JOIN accounts a ON a.id = t.account_id
    WHERE t.id = ANY($1::bigint[])
      AND (t.account_id IS NULL OR (
        u.confirmed_at IS NOT NULL AND u.approved_at IS NOT NULL AND u.disabled_at IS NULL
        AND a.suspended_at IS NULL AND a.deleted_at IS NULL))
    """,
    int,
)
# Whoever has a stream open is here, so that the home timeline goes on being written. $2 now.
TOUCH_STREAMING = Command(
    """
    UPDATE users SET last_active_at = $2
    WHERE account_id = ANY($1::bigint[]) AND last_active_at < $2::timestamptz - interval '1 hour'
    """
)

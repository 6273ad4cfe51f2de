"""Reading statuses: heads (which versions a page shows, and to whom) and details.

A page is one query that gives heads. What hangs on a status and does not depend on the viewer is
rendered once for each version of its row (`xmin`), so details are read only for what is new.
"""

from datetime import datetime
from typing import Any

import msgspec

from storage.query import Query
from storage.visibility import quote_right, unwanted, visible

FAVOURITED, REBLOGGED, BOOKMARKED, PINNED, MUTED, UNATTRIBUTED = 1, 2, 4, 8, 16, 32


class HeadRow(msgspec.Struct, frozen=True, gc=False):
    """One entry of a page: a status or a boost, the versions of its parts, the viewer's flags.

    `cursor` is what its page is ordered by. `flags` and what follows are those of the status that
    is shown: the boosted one of a boost. `quotes`: whether it shows a quote, or why not. `policy`:
    its visibility, and its interaction policy behind it, if it has one.
    """

    cursor: int
    id: int
    version: int
    account_id: int
    account_version: int
    reblog_id: int | None
    reblog_version: int | None
    reblog_account_id: int | None
    reblog_account_version: int | None
    flags: int
    poll_id: int | None
    quotes: bool
    quote_policy: int
    quote_right: int
    policy: str


def head_query(
    source: str, rest: str, *, cursor: str = "s.id", viewer: str = "$4", withheld: bool = False
) -> str:
    """Give SQL for the heads of the visible statuses `s` of `source`.

    `source` is a FROM list with the alias `s`; `rest` begins with a condition and goes on with
    ORDER BY and LIMIT. Both may also name `a` (the author), `r` (the boosted status of a boost)
    and `ra` (its author). `withheld`: also what waits for leave, for who gives it.
    """
    shown = "coalesce(s.reblog_of_id, s.id)"
    me = f"{viewer}::bigint"
    policy, author = (
        "coalesce(r.quote_policy, s.quote_policy)",
        "coalesce(r.account_id, s.account_id)",
    )
    return f"""
    SELECT {cursor} AS cursor, s.id, s.xmin::text::bigint AS version,
        s.account_id, a.xmin::text::bigint AS account_version,
        r.id AS reblog_id, r.xmin::text::bigint AS reblog_version,
        r.account_id AS reblog_account_id, ra.xmin::text::bigint AS reblog_account_version,
        CASE WHEN {me} IS NULL THEN 0 ELSE
            EXISTS (SELECT 1 FROM favourites hf
                    WHERE hf.account_id = {me} AND hf.status_id = {shown} OFFSET 0)::int
                * {FAVOURITED}
            + EXISTS (SELECT 1 FROM statuses hr
                      WHERE hr.reblog_of_id = {shown} AND hr.account_id = {me} OFFSET 0)::int
                * {REBLOGGED}
            + EXISTS (SELECT 1 FROM bookmarks hb
                      WHERE hb.account_id = {me} AND hb.status_id = {shown} OFFSET 0)::int
                * {BOOKMARKED}
            + (s.pinned_at IS NOT NULL AND s.account_id = {me})::int * {PINNED}
            + EXISTS (SELECT 1 FROM thread_mutes ht WHERE ht.account_id = {me}
                      AND ht.thread_id = coalesce(r.thread_id, s.thread_id) OFFSET 0)::int
                * {MUTED}
            + (EXISTS (SELECT 1 FROM preview_cards hu WHERE hu.unverified_author_id = {me})
               AND EXISTS (SELECT 1 FROM status_cards hc JOIN preview_cards hv ON hv.id = hc.card_id
                           WHERE hc.status_id = {shown} AND hv.unverified_author_id = {me}
                           OFFSET 0))::int
                * {UNATTRIBUTED}
        END AS flags,
        (SELECT hp.id FROM polls hp WHERE hp.status_id = {shown}) AS poll_id,
        EXISTS (SELECT 1 FROM quotes hq WHERE hq.status_id = {shown}
                AND (hq.state = 'accepted' OR NOT hq.legacy) OFFSET 0) AS quotes,
        {policy}::int AS quote_policy,
        {quote_right("s", me, policy=policy, author=author)} AS quote_right,
        coalesce(r.visibility, s.visibility) || CASE WHEN s.reblog_of_id IS NULL
            THEN coalesce(s.interaction_policy::text, '')
            ELSE coalesce(r.interaction_policy::text, '') END AS policy
    FROM {source}
    JOIN accounts a ON a.id = s.account_id
    LEFT JOIN statuses r ON r.id = s.reblog_of_id
    LEFT JOIN accounts ra ON ra.id = r.account_id
    WHERE {visible("s", me, withheld=withheld)}
      AND (s.reblog_of_id IS NULL OR {visible("r", me)})
      AND {rest}
    """


# $1 ids, $2 viewer; the order of the ids is kept.
HEADS = Query(
    head_query(
        "unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place) "
        "JOIN statuses s ON s.id = wanted.id",
        "true ORDER BY wanted.place",
        viewer="$2",
    ),
    HeadRow,
)


# As HEADS, with what waits for leave of the viewer: for the list of requests alone.
WITHHELD_HEADS = Query(
    head_query(
        "unnest($1::bigint[]) WITH ORDINALITY AS wanted (id, place) "
        "JOIN statuses s ON s.id = wanted.id",
        "true ORDER BY wanted.place",
        viewer="$2",
        withheld=True,
    ),
    HeadRow,
)


class StatusDetailRow(msgspec.Struct, frozen=True):
    """All that is shown of a status whoever looks at it. Its media are dicts of MediaRow's names;
    `mentions` are [{id, username, domain, url}], `tags` names, `application` {name, website},
    `reactions` [{name, image_url, count}], `collections` ids."""

    id: int
    version: int
    uri: str
    url: str
    visibility: str
    in_reply_to_id: int | None
    in_reply_to_account_id: int | None
    content: str
    spoiler_text: str
    sensitive: bool
    language: str | None
    emojis: list[dict[str, Any]]
    replies_count: int
    reblogs_count: int
    favourites_count: int
    quotes_count: int
    created_at: datetime
    edited_at: datetime | None
    media: list[dict[str, Any]]
    mentions: list[dict[str, Any]]
    tags: list[str]
    application: dict[str, Any] | None
    reactions: list[dict[str, Any]]
    collections: list[int]
    card: dict[str, Any] | None


STATUS_DETAILS = Query(
    """
    SELECT s.id, s.xmin::text::bigint AS version, s.uri, s.url, s.visibility, s.in_reply_to_id,
        s.in_reply_to_account_id, s.content, s.spoiler_text, s.sensitive, s.language, s.emojis,
        s.replies_count, s.reblogs_count, s.favourites_count, s.quotes_count, s.created_at,
        s.edited_at,
        (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', m.id, 'type', m.type, 'blob', m.blob, 'preview_blob', m.preview_blob,
                'remote_url', m.remote_url, 'preview_remote_url', m.preview_remote_url,
                'description', m.description, 'blurhash', m.blurhash, 'meta', m.meta)
            ORDER BY m.position, m.id), '[]')
         FROM media_attachments m WHERE m.status_id = s.id) AS media,
        (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'id', a.id, 'username', a.username, 'domain', a.domain, 'url', a.url)
            ORDER BY a.id), '[]')
         FROM mentions n JOIN accounts a ON a.id = n.account_id
         WHERE n.status_id = s.id AND NOT n.silent) AS mentions,
        (SELECT coalesce(jsonb_agg(t.name ORDER BY t.name), '[]')
         FROM status_tags st JOIN tags t ON t.id = st.tag_id WHERE st.status_id = s.id) AS tags,
        (SELECT jsonb_build_object('name', o.name, 'website', o.website)
         FROM oauth_applications o WHERE o.id = s.application_id) AS application,
        (SELECT coalesce(jsonb_agg(jsonb_build_object(
                'name', e.name, 'image_url', e.image_url, 'count', e.count)
            ORDER BY e.first), '[]')
         FROM (SELECT er.name, er.image_url, count(*), min(er.id) AS first
               FROM emoji_reactions er WHERE er.status_id = s.id
               GROUP BY er.name, er.image_url ORDER BY first LIMIT 50) e) AS reactions,
        CASE WHEN s.links_collections THEN ARRAY(
            SELECT l.collection_id FROM linked_collections l
            WHERE l.status_id = s.id ORDER BY l.collection_id)
        ELSE '{}' END AS collections,
        (SELECT to_jsonb(p) FROM status_cards sc JOIN preview_cards p ON p.id = sc.card_id
         WHERE sc.status_id = s.id AND p.shown) AS card
    FROM statuses s WHERE s.id = ANY($1::bigint[])
    """,
    StatusDetailRow,
)


class ThreadRow(msgspec.Struct, frozen=True, gc=False):
    """A status of a thread: above (`ancestor`) or below the one that was asked for."""

    id: int
    ancestor: bool


# $1 status, $2 most ancestors, $3 most descendants, $4 depth of the descendants, $5 viewer, whose
# unwanted authors are left out. Ancestors from the top; descendants depth first, each below what
# it answers. (Visibility is for the query of the heads.)
THREAD = Query(
    f"""
    WITH RECURSIVE up (id, parent_id, depth) AS (
        SELECT s.id, s.in_reply_to_id, 0 FROM statuses s WHERE s.id = $1
        UNION ALL
        SELECT s.id, s.in_reply_to_id, up.depth + 1
        FROM up JOIN statuses s ON s.id = up.parent_id WHERE up.depth < $2::int
    ) CYCLE id SET looped USING walked,
    down (id, path) AS (
        (SELECT s.id, ARRAY[s.id] FROM statuses s WHERE s.in_reply_to_id = $1
         ORDER BY s.id LIMIT $3)
        UNION ALL
        SELECT s.id, down.path || s.id
        FROM down JOIN statuses s ON s.in_reply_to_id = down.id
        WHERE cardinality(down.path) < $4::int AND NOT s.id = ANY (down.path) AND s.id <> $1
    ),
    thread AS (
        SELECT id, true AS ancestor, -depth AS height, NULL::bigint[] AS path
        FROM up WHERE depth > 0 AND NOT looped
        UNION ALL
        SELECT id, false, 0, path FROM (SELECT id, path FROM down LIMIT $3) nearest
    )
    SELECT thread.id, thread.ancestor FROM thread JOIN statuses s ON s.id = thread.id
    WHERE $5::bigint IS NULL OR NOT {unwanted("s.account_id", "$5::bigint")}
    ORDER BY thread.ancestor DESC, thread.height, thread.path
    """,
    ThreadRow,
)


class EditRow(msgspec.Struct, frozen=True):
    """A version of a status before an edit. `media` as in StatusDetailRow, but as it was."""

    content: str
    spoiler_text: str
    sensitive: bool
    media: list[dict[str, Any]]
    poll_options: list[str] | None
    emojis: list[dict[str, Any]]
    created_at: datetime


# Earlier versions oldest first, then what stands now.
STATUS_HISTORY = Query(
    """
    SELECT content, spoiler_text, sensitive, media, poll_options, emojis, created_at FROM (
        SELECT e.id, e.content, e.spoiler_text, e.sensitive, e.media, e.poll_options, s.emojis,
            e.created_at
        FROM status_edits e JOIN statuses s ON s.id = e.status_id WHERE e.status_id = $1
        UNION ALL
        SELECT 9223372036854775807, s.content, s.spoiler_text, s.sensitive,
            (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', m.id, 'type', m.type, 'blob', m.blob, 'preview_blob', m.preview_blob,
                    'remote_url', m.remote_url, 'preview_remote_url', m.preview_remote_url,
                    'description', m.description, 'blurhash', m.blurhash, 'meta', m.meta)
                ORDER BY m.position, m.id), '[]')
             FROM media_attachments m WHERE m.status_id = s.id),
            (SELECT to_jsonb(p.options) FROM polls p WHERE p.status_id = s.id),
            s.emojis, coalesce(s.edited_at, s.created_at)
        FROM statuses s WHERE s.id = $1
    ) versions ORDER BY id
    """,
    EditRow,
)


class PollViewRow(msgspec.Struct, frozen=True):
    """A poll and the choices of one viewer. `emojis` are those of its status."""

    id: int
    status_id: int
    account_id: int
    options: list[str]
    votes: list[int]
    voters_count: int | None
    multiple: bool
    hide_totals: bool
    expires_at: datetime | None
    closed_at: datetime | None
    emojis: list[dict[str, Any]]
    own_votes: list[int]


# $1 polls, $2 viewer.
POLLS_FOR_VIEWER = Query(
    """
    SELECT p.id, p.status_id, p.account_id, p.options, p.votes, p.voters_count, p.multiple,
        p.hide_totals, p.expires_at, p.closed_at, s.emojis,
        ARRAY(SELECT v.choice FROM poll_votes v
              WHERE v.poll_id = p.id AND v.account_id = $2::bigint ORDER BY v.choice) AS own_votes
    FROM polls p JOIN statuses s ON s.id = p.status_id
    WHERE p.id = ANY($1::bigint[])
    """,
    PollViewRow,
)

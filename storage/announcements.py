"""What the admin tells everybody here, who has read it, and what they say to it (Mastodon API:
Announcement)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query, Value

# Different reactions to one announcement.
MAX_REACTIONS = 8


@dataclass(frozen=True, slots=True)
class AnnouncementRow:
    """An announcement as one person sees it.

    `mentions`: [{id, username, domain, url}]; `statuses`: [{id, url}]; `reactions`: [{name, count,
    me}], the oldest first.
    """

    id: int
    text: str
    content: str
    starts_at: datetime | None
    ends_at: datetime | None
    all_day: bool
    published_at: datetime
    updated_at: datetime
    read: bool
    tags: list[str]
    mentions: list[dict[str, Any]]
    statuses: list[dict[str, Any]]
    reactions: list[dict[str, Any]]


# What lasts whole days lasts the last one, too.
_ENDS = "(n.ends_at + CASE WHEN n.all_day THEN interval '1 day' ELSE interval '0' END)"
# $1 viewer or NULL; $2 now; $3 only this one, or NULL.
ANNOUNCEMENTS = Query(
    f"""
    SELECT n.id, n.text, n.content, n.starts_at, n.ends_at, n.all_day, n.published_at,
        n.updated_at,
        EXISTS (SELECT 1 FROM announcement_dismissals d
                WHERE d.announcement_id = n.id AND d.account_id = $1) AS read,
        n.tags,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object('id', a.id, 'username', a.username,
                'domain', a.domain, 'url', a.url) ORDER BY a.id)
            FROM accounts a
            WHERE a.id = ANY(n.mention_ids) AND a.suspended_at IS NULL AND a.deleted_at IS NULL
        ), '[]') AS mentions,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object('id', s.id, 'url', s.url) ORDER BY s.id)
            FROM statuses s
            WHERE s.id = ANY(n.status_ids) AND s.visibility IN ('public', 'unlisted')
        ), '[]') AS statuses,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object('name', r.name, 'count', r.count, 'me', r.me)
                ORDER BY r.first_at, r.name)
            FROM (SELECT name, count(*) AS count, coalesce(bool_or(account_id = $1::bigint), false)
                      AS me, min(created_at) AS first_at
                  FROM announcement_reactions WHERE announcement_id = n.id GROUP BY name) r
        ), '[]') AS reactions
    FROM announcements n
    WHERE n.published_at IS NOT NULL AND (n.ends_at IS NULL OR {_ENDS} > $2)
      AND ($3::bigint IS NULL OR n.id = $3)
    ORDER BY coalesce(n.starts_at, n.published_at), n.id LIMIT 100
    """,
    AnnouncementRow,
)
# $1 announcement, $2 now.
PUBLISHED = Value(
    f"""
    SELECT true FROM announcements n
    WHERE n.id = $1 AND n.published_at IS NOT NULL AND (n.ends_at IS NULL OR {_ENDS} > $2)
    """,
    bool,
)
DISMISS_ANNOUNCEMENT = Command(
    """
    INSERT INTO announcement_dismissals (announcement_id, account_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING
    """
)
# Of two at once that would be too many, one waits for the other.
LOCK_ANNOUNCEMENT = Value("SELECT true FROM announcements WHERE id = $1 FOR UPDATE", bool)
# How many other names there are than $2.
OTHER_REACTIONS = Value(
    """
    SELECT count(DISTINCT name)::int FROM announcement_reactions
    WHERE announcement_id = $1 AND name <> $2
    """,
    int,
)
# $1 announcement, $2 who, $3 name, $4 now.
INSERT_REACTION = Command(
    """
    INSERT INTO announcement_reactions (announcement_id, account_id, name, created_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
    """
)
DELETE_REACTION = Command(
    """
    DELETE FROM announcement_reactions
    WHERE announcement_id = $1 AND account_id = $2 AND name = $3
    """
)
IS_LOCAL_EMOJI = Value(
    """
    SELECT true FROM custom_emojis WHERE shortcode = $1 AND domain IS NULL AND NOT disabled
    """,
    bool,
)
# Processes that stream hear of it. $1 the event, $2 the announcement, $3 the name of a reaction or
# NULL.
TELL_OF_ANNOUNCEMENT = Command(
    """
    SELECT pg_notify('fedserver_announcements', json_strip_nulls(json_build_object(
        'event', $1::text, 'id', $2::bigint, 'name', $3::text))::text)
    """
)


@dataclass(frozen=True, slots=True)
class ListedAnnouncementRow:
    """What the admin sees of an announcement in a list."""

    id: int
    text: str
    starts_at: datetime | None
    ends_at: datetime | None
    published_at: datetime | None
    readers: int
    reactions: int


LISTED_ANNOUNCEMENTS = Query(
    """
    SELECT n.id, n.text, n.starts_at, n.ends_at, n.published_at,
        (SELECT count(*)::int FROM announcement_dismissals d WHERE d.announcement_id = n.id)
            AS readers,
        (SELECT count(*)::int FROM announcement_reactions r WHERE r.announcement_id = n.id)
            AS reactions
    FROM announcements n ORDER BY n.id DESC LIMIT 200
    """,
    ListedAnnouncementRow,
)
# $1 id, $2 text, $3 content, $4 mentioned, $5 hashtags, $6 URLs of statuses, $7 starts, $8 ends,
# $9 all day, $10 published at or NULL, $11 now.
INSERT_ANNOUNCEMENT = Command(
    """
    INSERT INTO announcements (id, text, content, mention_ids, tags, status_ids, starts_at, ends_at,
        all_day, published_at, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5,
        ARRAY(SELECT s.id FROM statuses s
              WHERE (s.url = ANY($6::text[]) OR s.uri = ANY($6::text[]))
                AND s.visibility IN ('public', 'unlisted') AND s.reblog_of_id IS NULL LIMIT 20),
        $7, $8, $9, $10, $11, $11)
    """
)
PUBLISH_ANNOUNCEMENT = Command(
    """
    UPDATE announcements SET published_at = $2, updated_at = $2
    WHERE id = $1 AND published_at IS NULL
    """
)
DELETE_ANNOUNCEMENT = Value(
    "DELETE FROM announcements WHERE id = $1 RETURNING published_at IS NOT NULL", bool
)

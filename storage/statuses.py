"""Statuses (Notes and what is shown like one) and boosts: the row, and how it is written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.cleaning import SANITISER_VERSION
from storage.query import Command, Query, Value
from storage.visibility import visible


@dataclass(frozen=True, slots=True)
class StatusRow:
    """A status or, with `reblog_of_id`, a boost of one.

    `interaction_policy` is who may do what with it; NULL where everybody may. `withheld`: nobody
    sees it but its author.
    """

    id: int
    uri: str
    url: str
    account_id: int
    local: bool
    object_type: str
    visibility: str
    reblog_of_id: int | None
    in_reply_to_id: int | None
    in_reply_to_account_id: int | None
    in_reply_to_uri: str | None
    thread_id: int
    content: str
    source: str
    spoiler_text: str
    sensitive: bool
    language: str | None
    emojis: list[dict[str, Any]]
    application_id: int | None
    replies_count: int
    reblogs_count: int
    favourites_count: int
    created_at: datetime
    edited_at: datetime | None
    pinned_at: datetime | None
    interaction_policy: dict[str, Any] | None
    withheld: bool


STATUS_COLUMNS = ", ".join(f"s.{name}" for name in StatusRow.__dataclass_fields__)

STATUS_BY_ID = Query(f"SELECT {STATUS_COLUMNS} FROM statuses s WHERE s.id = $1", StatusRow)
# Where the instance went on under another domain, its posts are known under both (0027).
STATUS_BY_URI = Query(
    f"SELECT {STATUS_COLUMNS} FROM statuses s WHERE s.uri = ANY (forms_of($1))", StatusRow
)
STATUS_BY_URI_OR_URL = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.uri = ANY (forms_of($1)) OR s.url = ANY (forms_of($1)) LIMIT 1
    """,
    StatusRow,
)
# The way to a status for anybody: $2 is the viewer's account id, or NULL.
VISIBLE_STATUS = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.id = $1 AND {visible("s", "$2::bigint")}
    """,
    StatusRow,
)
STATUS_VISIBLE = Value(f"SELECT {visible('s', '$2::bigint')} FROM statuses s WHERE s.id = $1", bool)

INSERT_STATUS = Command(
    f"""
    INSERT INTO statuses (
        sanitiser_version,
        id, uri, url, account_id, local, object_type, visibility, reblog_of_id, in_reply_to_id,
        in_reply_to_account_id, in_reply_to_uri, thread_id, content, source, spoiler_text,
        sensitive, language, emojis, application_id, created_at)
    VALUES ({SANITISER_VERSION},
        $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
        $20)
    ON CONFLICT DO NOTHING
    """
)
UPDATE_STATUS = Command(
    f"""
    UPDATE statuses SET sanitiser_version = {SANITISER_VERSION},
        content = $3, source = $4, spoiler_text = $5, sensitive = $6,
        language = $7, emojis = $8, edited_at = $9
    WHERE id = $1 AND account_id = $2
    """
)
DELETE_STATUS = Command("DELETE FROM statuses WHERE id = $1 AND account_id = $2")
DELETE_STATUSES_OF_ACCOUNT = Command("DELETE FROM statuses WHERE account_id = $1")

INSERT_TOMBSTONE = Command(
    """
    INSERT INTO tombstones (uri, account_id, former_type, visibility, deleted_at)
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
    """
)


@dataclass(frozen=True, slots=True)
class TombstoneRow:
    """What is left of a deleted object."""

    uri: str
    account_id: int | None
    former_type: str
    visibility: str
    deleted_at: datetime


TOMBSTONE_BY_URI = Query(
    """
    SELECT uri, account_id, former_type, visibility, deleted_at FROM tombstones
    WHERE uri = ANY (forms_of($1))
    """,
    TombstoneRow,
)

COUNT_REPLY = Command(
    "UPDATE statuses SET replies_count = greatest(replies_count + $2::int, 0) WHERE id = $1"
)
COUNT_REBLOG = Command(
    "UPDATE statuses SET reblogs_count = greatest(reblogs_count + $2::int, 0) WHERE id = $1"
)
COUNT_FAVOURITE = Command(
    "UPDATE statuses SET favourites_count = greatest(favourites_count + $2::int, 0) WHERE id = $1"
)
# Replies that came before what they answer find their parent when it arrives.
ADOPT_ORPHANS = Command(
    """
    UPDATE statuses SET in_reply_to_id = $2, in_reply_to_account_id = $3, thread_id = $4
    WHERE in_reply_to_uri = $1 AND in_reply_to_id IS NULL
    """
)
REBLOG_BY_ACCOUNT = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s WHERE s.reblog_of_id = $1 AND s.account_id = $2
    """,
    StatusRow,
)

INSERT_EDIT = Command(
    """
    INSERT INTO status_edits (id, status_id, content, source, spoiler_text, sensitive, media,
        poll_options, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    """
)

INSERT_MENTIONS = Command(
    """
    INSERT INTO mentions (status_id, account_id, silent)
    SELECT $1, account_id, silent
    FROM unnest($2::bigint[], $3::boolean[]) AS m (account_id, silent)
    ON CONFLICT DO NOTHING
    """
)
DELETE_MENTIONS = Command("DELETE FROM mentions WHERE status_id = $1")

PUT_TAGS = Command(
    """
    WITH wanted AS (
        SELECT * FROM unnest($2::bigint[], $3::text[], $4::text[]) AS t (id, name, display_name)
    ), made AS (
        INSERT INTO tags (id, name, display_name, created_at)
        SELECT id, name, display_name, $5 FROM wanted
        ON CONFLICT (name) DO UPDATE SET name = excluded.name
        RETURNING id
    )
    INSERT INTO status_tags (status_id, tag_id) SELECT $1, id FROM made ON CONFLICT DO NOTHING
    """
)
DELETE_STATUS_TAGS = Command("DELETE FROM status_tags WHERE status_id = $1")

# The pins of an account, which then only this transaction changes.
LOCK_PINS = Value(
    """
    WITH owner AS (SELECT id FROM accounts WHERE id = $1 FOR UPDATE)
    SELECT s.id FROM statuses s, owner WHERE s.account_id = owner.id AND s.pinned_at IS NOT NULL
    """,
    int,
)
PIN_STATUS = Command(
    """
    UPDATE statuses SET pinned_at = $3
    WHERE id = $1 AND account_id = $2 AND pinned_at IS NULL AND reblog_of_id IS NULL
    """
)
UNPIN_STATUS = Command("UPDATE statuses SET pinned_at = NULL WHERE id = $1 AND account_id = $2")
PINNED_OF_ACCOUNT = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.account_id = $1 AND s.pinned_at IS NOT NULL AND s.visibility IN ('public', 'unlisted')
      AND NOT s.withheld
    ORDER BY s.pinned_at DESC LIMIT 20
    """,
    StatusRow,
)
# Peers that were sent a status: whom it names, whom it answers, who boosted, favourited or quoted
# it.
INBOXES_THAT_KNOW = Value(
    """
    SELECT DISTINCT coalesce(a.shared_inbox_url, a.inbox_url)
    FROM accounts a
    WHERE a.domain IS NOT NULL AND a.id IN (
        SELECT account_id FROM mentions WHERE status_id = $1
        UNION SELECT account_id FROM statuses WHERE reblog_of_id = $1
        UNION SELECT account_id FROM favourites WHERE status_id = $1
        UNION SELECT account_id FROM quotes WHERE quoted_id = $1
        UNION SELECT in_reply_to_account_id FROM statuses WHERE id = $1)
    """,
    str,
)
# The boosts of a status go with it, and their accounts' counters follow.
UNCOUNT_BOOSTS_OF = Command(
    """
    UPDATE accounts a SET statuses_count = greatest(a.statuses_count - 1, 0)
    WHERE a.id IN (SELECT account_id FROM statuses WHERE reblog_of_id = $1 AND NOT withheld)
    """
)
# $1 ids, $2 who owned them: a neighbour on the same server cannot bury what is another's.
TOMBSTONED = Value(
    """
    SELECT EXISTS (SELECT 1 FROM tombstones WHERE uri = ANY($1::text[]) AND account_id = $2)
    """,
    bool,
)

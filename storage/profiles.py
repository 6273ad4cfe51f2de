"""What writing endpoints need to read: own settings, own lists of accounts, names and emoji."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from storage.account_reads import AccountHeadRow
from storage.accounts import ACCOUNT_COLUMNS, AccountRow
from storage.emojis import EmojiRow
from storage.paging import Paged, paged
from storage.query import Command, Query, Value
from storage.reactions import FavouriteRow
from storage.statuses import STATUS_COLUMNS, StatusRow


@dataclass(frozen=True, slots=True)
class PostingDefaultsRow:
    """What a post of this person is, where its request does not say."""

    default_visibility: str
    default_sensitive: bool
    default_language: str | None
    locale: str
    default_quote_policy: str
    interaction_policies: dict[str, Any] | None = None


POSTING_DEFAULTS = Query(
    """
    SELECT default_visibility, default_sensitive, default_language, locale, default_quote_policy,
        interaction_policies
    FROM users WHERE account_id = $1
    """,
    PostingDefaultsRow,
)
READING_LANGUAGES = Value(
    "SELECT array_remove(ARRAY[default_language, locale], NULL) FROM users WHERE account_id = $1",
    list[str],
)
SET_POSTING_DEFAULTS = Command(
    """
    UPDATE users SET default_visibility = $2, default_sensitive = $3, default_language = $4,
        default_quote_policy = $5
    WHERE account_id = $1
    """
)
# Two clients that edit one profile at once wait for each other.
LOCK_PROFILE = Query(
    f"SELECT {ACCOUNT_COLUMNS} FROM accounts a WHERE a.id = $1 AND a.domain IS NULL FOR UPDATE",
    AccountRow,
)
# $1 user names in lower case, $2 their domains (NULL: ours). Of several that had a handle the one
# read last comes last.
ACCOUNTS_BY_HANDLES = Query(
    f"""
    SELECT {ACCOUNT_COLUMNS}
    FROM unnest($1::text[], $2::text[]) AS wanted (username, domain)
    JOIN accounts a ON lower(a.username) = wanted.username
        AND a.domain IS NOT DISTINCT FROM wanted.domain
    WHERE a.deleted_at IS NULL AND a.suspended_at IS NULL
    ORDER BY a.fetched_at NULLS FIRST
    """,
    AccountRow,
)
BLOCKED_AMONG = Value(
    "SELECT target_id FROM blocks WHERE account_id = $1 AND target_id = ANY($2::bigint[])", int
)
LOCAL_EMOJIS_NAMED = Query(
    """
    SELECT shortcode, image_blob, image_remote_url, visible_in_picker, category
    FROM custom_emojis
    WHERE domain IS NULL AND NOT disabled AND shortcode = ANY($1::text[]) ORDER BY shortcode
    """,
    EmojiRow,
)
FAVOURITE_OF = Query(
    """
    SELECT id, account_id, status_id, uri, withheld FROM favourites
    WHERE account_id = $1 AND status_id = $2
    """,
    FavouriteRow,
)

# Of two requests that post the same attachments the second finds them taken. $3 the status that
# may have them already, or NULL.
CLAIM_MEDIA = Value(
    """
    SELECT id FROM media_attachments
    WHERE id = ANY($1::bigint[]) AND account_id = $2 AND (status_id IS NULL OR status_id = $3)
    ORDER BY id FOR UPDATE
    """,
    int,
)
# Of two edits the second begins with what the first wrote.
LOCK_STATUS = Query(
    f"SELECT {STATUS_COLUMNS} FROM statuses s WHERE s.id = $1 FOR NO KEY UPDATE", StatusRow
)

# $1 who notes, $2 about whom, $3 the text.
SAVE_NOTE = Command(
    """
    INSERT INTO account_notes (account_id, target_id, comment) VALUES ($1, $2, $3)
    ON CONFLICT (account_id, target_id) DO UPDATE SET comment = excluded.comment
    """
)
DELETE_NOTE = Command("DELETE FROM account_notes WHERE account_id = $1 AND target_id = $2")

_HEAD = "a.id, a.xmin::text::bigint AS version"
_SHOWN = "a.suspended_at IS NULL AND a.deleted_at IS NULL"

# Who waits to be let follow; $4 whose list.
FOLLOW_REQUESTS: Paged[AccountHeadRow] = paged(
    f"""
    SELECT x.id AS cursor, {_HEAD} FROM follows x JOIN accounts a ON a.id = x.account_id
    WHERE x.target_id = $4 AND x.accepted_at IS NULL AND x.id < $1 AND x.id > $2 AND {_SHOWN}
    ORDER BY x.id {{direction}} LIMIT $3
    """,
    AccountHeadRow,
)
# $4 whose list.
BLOCKED_ACCOUNTS: Paged[AccountHeadRow] = paged(
    f"""
    SELECT x.id AS cursor, {_HEAD} FROM blocks x JOIN accounts a ON a.id = x.target_id
    WHERE x.account_id = $4 AND x.id < $1 AND x.id > $2 AND {_SHOWN}
    ORDER BY x.id {{direction}} LIMIT $3
    """,
    AccountHeadRow,
)


class MutedHeadRow(msgspec.Struct, frozen=True, gc=False):
    """One entry of the list of muted accounts."""

    cursor: int
    id: int
    version: int
    expires_at: datetime | None


# $4 whose list, $5 now.
MUTED_ACCOUNTS: Paged[MutedHeadRow] = paged(
    f"""
    SELECT x.id AS cursor, {_HEAD}, x.expires_at
    FROM mutes x JOIN accounts a ON a.id = x.target_id
    WHERE x.account_id = $4 AND x.id < $1 AND x.id > $2 AND {_SHOWN}
      AND (x.expires_at IS NULL OR x.expires_at > $5)
    ORDER BY x.id {{direction}} LIMIT $3
    """,
    MutedHeadRow,
)

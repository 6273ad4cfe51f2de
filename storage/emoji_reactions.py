"""Emoji reactions, and the favourites that go with them."""

from dataclasses import dataclass

from storage.query import Command, Query
from storage.visibility import unwanted

# More of one account on one status are not kept.
MAX_REACTIONS = 20
# More reactions of all accounts to one status are counted, but not listed by name.
MAX_REACTORS = 1_000


@dataclass(frozen=True, slots=True)
class EmojiReactionRow:
    """A reaction that is in force. `image_url` is empty where `name` is an emoji itself."""

    id: int
    account_id: int
    status_id: int
    uri: str
    name: str
    image_url: str


_COLUMNS = "id, account_id, status_id, uri, name, image_url"

# $1 id, $2 account, $3 status, $4 uri, $5 name, $6 image, $7 now
INSERT_EMOJI_REACTION = Command(
    f"""
    INSERT INTO emoji_reactions (id, account_id, status_id, uri, name, image_url, created_at)
    SELECT $1, $2, $3, $4, $5, $6, $7
    WHERE (SELECT count(*) FROM emoji_reactions r WHERE r.account_id = $2 AND r.status_id = $3)
        < {MAX_REACTIONS}
    ON CONFLICT DO NOTHING
    """
)
DELETE_EMOJI_REACTION = Query(
    f"""
    DELETE FROM emoji_reactions
    WHERE account_id = $1 AND status_id = $2 AND name = $3 AND image_url = $4
    RETURNING {_COLUMNS}
    """,
    EmojiReactionRow,
)
EMOJI_REACTION_BY_URI = Query(
    f"SELECT {_COLUMNS} FROM emoji_reactions WHERE uri = $1", EmojiReactionRow
)

# $1 account, $2 statuses.
REACTIONS_BY = Query(
    f"""
    SELECT {_COLUMNS} FROM emoji_reactions
    WHERE account_id = $1 AND status_id = ANY($2::bigint[]) ORDER BY id
    """,
    EmojiReactionRow,
)


# $1 accounts, $2 statuses.
REACTIONS_OF_VIEWERS = Query(
    f"""
    SELECT {_COLUMNS} FROM emoji_reactions
    WHERE account_id = ANY($1::bigint[]) AND status_id = ANY($2::bigint[])
    """,
    EmojiReactionRow,
)


@dataclass(frozen=True, slots=True)
class SeenEmojiRow:
    """A custom emoji that somebody of `domain` (None: here) reacted with."""

    name: str
    image_url: str
    domain: str | None


# $1 status, $2 shortcode.
SEEN_EMOJIS = Query(
    """
    SELECT r.name, r.image_url, a.domain FROM emoji_reactions r
    JOIN accounts a ON a.id = r.account_id
    WHERE r.status_id = $1 AND r.name = $2 AND r.image_url <> '' ORDER BY r.id LIMIT 50
    """,
    SeenEmojiRow,
)


@dataclass(frozen=True, slots=True)
class ReactorRow:
    """Who reacted with what, and the version of their row."""

    account_id: int
    version: int
    name: str
    image_url: str


# $1 status, $2 viewer, whose unwanted accounts are left out. The first to react come first.
REACTORS = Query(
    f"""
    SELECT r.account_id, a.xmin::text::bigint AS version, r.name, r.image_url
    FROM emoji_reactions r JOIN accounts a ON a.id = r.account_id
    WHERE r.status_id = $1 AND a.suspended_at IS NULL AND a.deleted_at IS NULL
      AND ($2::bigint IS NULL OR NOT {unwanted("a.id", "$2::bigint")})
    ORDER BY r.id LIMIT {MAX_REACTORS}
    """,
    ReactorRow,
)

# A reaction is a favourite, too, unless there is one already.
INSERT_REACTED_FAVOURITE = Command(
    """
    INSERT INTO favourites (id, account_id, status_id, uri, liked, created_at)
    VALUES ($1, $2, $3, $4, false, $5) ON CONFLICT (account_id, status_id) DO NOTHING
    """
)
# The last reaction takes its favourite along.
DELETE_REACTED_FAVOURITE = Command(
    """
    DELETE FROM favourites f WHERE f.account_id = $1 AND f.status_id = $2 AND NOT f.liked
      AND NOT EXISTS (SELECT 1 FROM emoji_reactions r WHERE r.account_id = $1 AND r.status_id = $2)
    """
)
# A Like after a reaction: the favourite now stands by itself.
LIKE_REACTED_FAVOURITE = Command(
    """
    UPDATE favourites SET liked = true, uri = $3
    WHERE account_id = $1 AND status_id = $2 AND NOT liked
    """
)
# The Like is taken back, and a reaction is left.
UNLIKE_REACTED_FAVOURITE = Command(
    """
    UPDATE favourites f SET liked = false, uri = (
        SELECT r.uri FROM emoji_reactions r WHERE r.account_id = $1 AND r.status_id = $2
        ORDER BY r.id LIMIT 1)
    WHERE f.account_id = $1 AND f.status_id = $2 AND f.liked
      AND EXISTS (SELECT 1 FROM emoji_reactions r WHERE r.account_id = $1 AND r.status_id = $2)
    """
)
# Who leaves takes every favourite and reaction along.
DELETE_FAVOURITES_OF_ACCOUNT = Command(
    """
    WITH unliked AS (
        DELETE FROM favourites WHERE account_id = $1 RETURNING status_id, withheld
    ), unreacted AS (
        DELETE FROM emoji_reactions WHERE account_id = $1
    )
    UPDATE statuses s SET favourites_count = greatest(s.favourites_count - 1, 0)
    FROM unliked WHERE s.id = unliked.status_id AND NOT unliked.withheld
    """
)

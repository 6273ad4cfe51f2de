"""Emoji reactions, and the favourites that go with them."""

from dataclasses import dataclass

from storage.query import Command, Query

# More of one account on one status are not kept.
MAX_REACTIONS = 20


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

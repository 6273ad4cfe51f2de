"""Preview cards of links: one for each address, which many statuses may show."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class CardRow:
    """What a page says of itself. `shown` is false where it says nothing to show.

    `unverified_author_id` is one of our people whom the page names, but who does not name it.
    """

    id: int
    url: str
    title: str
    description: str
    type: str
    language: str | None
    author_name: str
    author_url: str
    author_id: int | None
    provider_name: str
    provider_url: str
    width: int
    height: int
    image_url: str | None
    image_alt: str
    blurhash: str | None
    published_at: datetime | None
    shown: bool
    fetched_at: datetime
    has_video: bool
    unverified_author_id: int | None


_FIELDS = tuple(CardRow.__dataclass_fields__)
_COLUMNS = ", ".join(_FIELDS)
_PLACES = ", ".join(f"${number}" for number in range(1, len(_FIELDS) + 1))
_RENEWED = ", ".join(f"{name} = excluded.{name}" for name in _FIELDS if name not in ("id", "url"))

CARD_OF_URL = Query(f"SELECT {_COLUMNS} FROM preview_cards WHERE url = $1", CardRow)
# Gives the id under which the card of that address is kept.
PUT_CARD = Value(
    f"""
    INSERT INTO preview_cards ({_COLUMNS}) VALUES ({_PLACES})
    ON CONFLICT (url) DO UPDATE SET {_RENEWED} RETURNING id
    """,
    int,
)

# $1 an account that now names the domains $2: they wrote what was waiting for that. At most the
# newest 1,000 cards, as in Mastodon; what shows them gets a new version.
ATTRIBUTE_CARDS = Command(
    """
    WITH waiting AS (
        SELECT id, lower(substring(url FROM '^https?://([^/:?#]+)')) AS host
        FROM preview_cards WHERE unverified_author_id = $1
    ), named AS (
        UPDATE preview_cards p SET author_id = $1, unverified_author_id = NULL
        WHERE p.id IN (
            SELECT w.id FROM waiting w JOIN unnest($2::text[]) AS d (domain)
                ON w.host = d.domain OR right(w.host, length(d.domain) + 1) = '.' || d.domain
            ORDER BY w.id DESC LIMIT 1000)
        RETURNING p.id
    )
    UPDATE statuses s SET sensitive = s.sensitive FROM status_cards c, named n
    WHERE c.card_id = n.id AND s.id = c.status_id
    """
)

# --- which status is to have one ---------------------------------------------------------------

# $1 status, $2 the address it links to, $3 when to look.
WISH_FOR_CARD = Command(
    """
    WITH told AS (SELECT pg_notify('fedserver_cards', ''))
    INSERT INTO card_wishes (status_id, url, due_at) SELECT $1, $2, $3 FROM told
    ON CONFLICT (status_id) DO UPDATE SET url = excluded.url, due_at = excluded.due_at, tries = 0
    """
)
FORGET_WISH = Command("DELETE FROM card_wishes WHERE status_id = $1 AND url = $2")
# An edit took the link away, or put another in its place ($2).
FORGET_CARD_OF_STATUS = Command(
    """
    WITH unwished AS (DELETE FROM card_wishes WHERE status_id = $1 AND url IS DISTINCT FROM $2)
    DELETE FROM status_cards c USING preview_cards p
    WHERE c.status_id = $1 AND p.id = c.card_id AND p.url IS DISTINCT FROM $2
    """
)


@dataclass(frozen=True, slots=True)
class WishRow:
    """A status whose link is to be looked at."""

    status_id: int
    url: str
    tries: int


# $1 now, $2 when to try again if nothing comes of it, $3 how many.
CLAIM_WISHES = Query(
    """
    UPDATE card_wishes w SET due_at = $2, tries = w.tries + 1 FROM (
        SELECT status_id FROM card_wishes WHERE due_at <= $1
        ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED
    ) due
    WHERE w.status_id = due.status_id RETURNING w.status_id, w.url, w.tries
    """,
    WishRow,
)
NEXT_WISH_AT = Value("SELECT min(due_at) FROM card_wishes", datetime)
# Shows card $2 under status $1, and gives the status a new version.
SHOW_CARD = Command(
    """
    WITH shown AS (
        INSERT INTO status_cards (status_id, card_id)
        SELECT s.id, $2 FROM statuses s WHERE s.id = $1
        ON CONFLICT (status_id) DO UPDATE SET card_id = excluded.card_id
        RETURNING status_id
    )
    UPDATE statuses s SET sensitive = s.sensitive FROM shown WHERE s.id = shown.status_id
    """
)
# Cards under no status, not looked at since $1.
FORGET_CARDS = Command(
    """
    DELETE FROM preview_cards p WHERE p.fetched_at < $1
        AND NOT EXISTS (SELECT 1 FROM status_cards c WHERE c.card_id = p.id)
    """
)

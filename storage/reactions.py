"""Favourites, bookmarks and votes: what people do to a status."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value


@dataclass(frozen=True, slots=True)
class FavouriteRow:
    """A Like that is in force, or that waits for leave."""

    id: int
    account_id: int
    status_id: int
    uri: str
    withheld: bool


INSERT_FAVOURITE = Command(
    """
    INSERT INTO favourites (id, account_id, status_id, uri, created_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (account_id, status_id) DO NOTHING
    """
)
DELETE_FAVOURITE = Query(
    """
    DELETE FROM favourites WHERE account_id = $1 AND status_id = $2 AND liked
    RETURNING id, account_id, status_id, uri, withheld
    """,
    FavouriteRow,
)
FAVOURITE_BY_URI = Query(
    "SELECT id, account_id, status_id, uri, withheld FROM favourites WHERE uri = $1", FavouriteRow
)

INSERT_BOOKMARK = Command(
    """
    INSERT INTO bookmarks (id, account_id, status_id, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (account_id, status_id) DO NOTHING
    """
)
DELETE_BOOKMARK = Command("DELETE FROM bookmarks WHERE account_id = $1 AND status_id = $2")


@dataclass(frozen=True, slots=True)
class PollRow:
    """A poll of a status. `votes` has one count for each option."""

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


_POLL_COLUMNS = ", ".join(f"p.{name}" for name in PollRow.__dataclass_fields__)

POLL_BY_ID = Query(f"SELECT {_POLL_COLUMNS} FROM polls p WHERE p.id = $1", PollRow)
POLL_OF_STATUS = Query(f"SELECT {_POLL_COLUMNS} FROM polls p WHERE p.status_id = $1", PollRow)
POLLS_OF_STATUSES = Query(
    f"SELECT {_POLL_COLUMNS} FROM polls p WHERE p.status_id = ANY($1::bigint[])", PollRow
)
LOCK_POLL = Query(f"SELECT {_POLL_COLUMNS} FROM polls p WHERE p.id = $1 FOR UPDATE", PollRow)
INSERT_POLL = Command(
    """
    INSERT INTO polls (id, status_id, account_id, options, votes, voters_count, multiple,
        hide_totals, expires_at, closed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
    """
)
# What the poll's own author says of a poll held elsewhere.
SET_POLL_TOTALS = Command(
    """
    UPDATE polls SET votes = $2, voters_count = $3, expires_at = $4, closed_at = $5,
        told_at = CASE WHEN $4 > told_at THEN NULL ELSE told_at END
    WHERE id = $1
    """
)
DELETE_POLL_OF_STATUS = Command("DELETE FROM polls WHERE status_id = $1")
COUNT_VOTES = Command(
    """
    UPDATE polls SET votes = $2, voters_count = voters_count + $3::int WHERE id = $1
    """
)
INSERT_VOTES = Command(
    """
    INSERT INTO poll_votes (poll_id, account_id, choice, uri, created_at)
    SELECT $1, $2, choice, uri, $5 FROM unnest($3::smallint[], $4::text[]) AS v (choice, uri)
    """
)
VOTES_OF_ACCOUNT = Value(
    "SELECT choice FROM poll_votes WHERE poll_id = $1 AND account_id = $2 ORDER BY choice", int
)

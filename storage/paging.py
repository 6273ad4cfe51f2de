"""Keyset pages: a cursor in, rows newest first out. No OFFSET anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from storage.query import Query

T = TypeVar("T")

NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page lies.

    `max_id`: only older ones; `since_id`: only newer ones, the newest first; `min_id`: the page
    just above it (Mastodon API: paging). `limit` is already clamped by the caller.
    """

    limit: int
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def upward(self) -> bool:
        """Whether the page is read from its lower end."""
        return self.min_id is not None

    @property
    def upper(self) -> int:
        return NEWEST if self.max_id is None else self.max_id

    @property
    def lower(self) -> int:
        return max(self.since_id or 0, self.min_id or 0)


@dataclass(frozen=True, slots=True)
class Paged(Generic[T]):
    """One page query in its two directions."""

    downward: Query[T]
    upward: Query[T]


def paged(sql: str, row: type[T]) -> Paged[T]:
    """Make both directions of `sql`.

    Its parameters are $1 (exclusive upper id), $2 (exclusive lower id), $3 (limit), then its own;
    `{direction}` stands where ASC or DESC belongs.
    """
    return Paged(
        Query(sql.replace("{direction}", "DESC"), row),
        Query(sql.replace("{direction}", "ASC"), row),
    )


class _Fetches(Protocol):
    async def fetch(self, query: Query[T], *args: object) -> list[T]: ...


async def fetch_page(db: _Fetches, query: Paged[T], cursor: Cursor, *args: object) -> list[T]:
    """Give the rows of the page, newest first."""
    statement = query.upward if cursor.upward else query.downward
    rows = await db.fetch(statement, cursor.upper, cursor.lower, cursor.limit, *args)
    return rows[::-1] if cursor.upward else rows


@dataclass(frozen=True, slots=True)
class PageEdges:
    """The ids a Link header names: `next` for older rows (None at the end), `prev` for newer."""

    next_max_id: int | None
    prev_min_id: int | None


def edges(rows: list[T], cursor: Cursor, key: Callable[[T], int]) -> PageEdges:
    """Give the edges of a page; a short page read downward is the last one."""
    if not rows:
        return PageEdges(None, None)
    more = cursor.upward or len(rows) >= cursor.limit
    return PageEdges(key(rows[-1]) if more else None, key(rows[0]))

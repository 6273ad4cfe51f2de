"""The filters of those who look: compiled once, kept until a signal says that they changed."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from fedserver.clock import Clock
from fedserver.timed_cache import TimedCache
from storage.filters import FilterRow

# A signal may be lost while the database restarts.
_KEPT_S = 60.0
_KEPT = 20_000
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class _Keyword:
    text: str
    folded: str
    pattern: re.Pattern[str] | None  # None: wherever it stands


@dataclass(frozen=True, slots=True)
class Matcher:
    """A filter, ready to be asked."""

    row: FilterRow
    keywords: tuple[_Keyword, ...]
    status_ids: frozenset[int]

    def find(self, text: str) -> str | None:
        """Give the first place in `text` that a keyword matches, as it stands there."""
        folded = _folded(text)
        found = [place for place in (_place(one, folded) for one in self.keywords) if place]
        if not found:
            return None
        start, end, keyword = min(found, key=lambda place: place[0])
        # Folding makes some characters longer; then the keyword itself says what was found.
        return text[start:end] if len(folded) == len(text) else keyword


class ViewerFilters:
    """Keeps each viewer's matchers. What is changed while they are read is not overwritten."""

    def __init__(self, clock: Clock) -> None:
        self._kept: TimedCache[int, tuple[Matcher, ...] | object] = TimedCache(
            clock, keep_s=_KEPT_S, max_entries=_KEPT
        )

    def get(self, viewer: int) -> tuple[Matcher, ...] | None:
        """Give what is kept, also of a viewer without filters; None where it must be read."""
        kept = self._kept.get(viewer)
        return kept if isinstance(kept, tuple) else None

    def begin(self, viewer: int) -> object:
        """Say that they are read now, and get the mark that `put` asks for."""
        mark = object()
        self._kept.put(viewer, mark)
        return mark

    def put(self, viewer: int, mark: object, found: tuple[Matcher, ...]) -> None:
        """Keep what was read, unless `forget` was called since `begin`."""
        if self._kept.get(viewer) is mark:
            self._kept.put(viewer, found)

    def forget(self, viewer: int) -> None:
        """Read them anew next time."""
        self._kept.forget(viewer)

    def heard(self, payload: str) -> None:
        """As forget, for a signal (fedserver.events.FILTERS)."""
        if payload.isascii() and payload.isdigit():
            self.forget(int(payload))


def matchers(rows: Iterable[FilterRow]) -> tuple[Matcher, ...]:
    """Make the matchers of a person's filters."""
    return tuple(
        Matcher(
            row,
            tuple(_keyword(one) for one in row.keywords),
            frozenset(one["status_id"] for one in row.statuses),
        )
        for row in rows
    )


def _folded(text: str) -> str:
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text).casefold()


def _keyword(entry: dict[str, Any]) -> _Keyword:
    """A whole word begins and ends at a word's edge, but only where the keyword itself has a
    letter, a digit or an underscore there (CustomFilterKeyword#to_regex)."""
    text: str = entry["keyword"]
    folded = _folded(text)
    if not entry["whole_word"] or not folded:
        return _Keyword(text, folded, None)
    before = r"\b" if _WORD.match(folded[0]) else ""
    after = r"\b" if _WORD.match(folded[-1]) else ""
    return _Keyword(text, folded, re.compile(f"{before}{re.escape(folded)}{after}"))


def _place(keyword: _Keyword, folded: str) -> tuple[int, int, str] | None:
    # Nearly all keywords are not there at all, and this says so a hundred times faster.
    start = folded.find(keyword.folded)
    if start < 0 or not keyword.folded:
        return None
    if keyword.pattern is None:
        return start, start + len(keyword.folded), keyword.text
    match = keyword.pattern.search(folded, start)
    return None if match is None else (match.start(), match.end(), keyword.text)

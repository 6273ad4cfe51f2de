"""What people write into the search: words, phrases, and what they narrow it down by.

Mastodon: SearchQueryParser, SearchQueryTransformer.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from fedserver.ids import first_id_of
from storage.paging import NEWEST

MAX_CLAUSES = 30

_CLAUSE = re.compile(
    r"""(?P<sign>[+-])?(?:(?P<prefix>[a-z]+):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))"""
)
_QUOTES = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"'})
# `has:` and `is:` mean the same; what has no mark in the index finds nothing.
_PROPERTIES = frozenset(
    {"media", "image", "video", "audio", "poll", "link", "embed", "quote", "reply", "sensitive"}
)
_SCOPES = frozenset({"all", "library", "public"})


@dataclass(slots=True)
class SearchQuery:
    """A search as it is carried out: each word, phrase and mark with whether it must be there or
    must not; whose posts (`None`: nobody's, so nothing is found); ids between two bounds."""

    words: list[str] = field(default_factory=list)
    words_wanted: list[bool] = field(default_factory=list)
    phrases: list[bool] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    marks_wanted: list[bool] = field(default_factory=list)
    authors: list[tuple[str, bool]] = field(default_factory=list)
    below: int = NEWEST
    above: int = 0
    scope: str = "all"
    narrowed: bool = False

    @property
    def says_something(self) -> bool:
        """Whether anything is asked for; what is only left out does not count."""
        wanted = any((*self.words_wanted, *self.marks_wanted))
        return wanted or self.narrowed or any(one for _, one in self.authors)

    def add_word(self, word: str, wanted: bool, *, phrase: bool) -> None:
        """Ask for a word or phrase."""
        self.words.append(word)
        self.words_wanted.append(wanted)
        self.phrases.append(phrase)

    def add_mark(self, mark: str, *, wanted: bool) -> None:
        """Ask for a mark of the index."""
        self.marks.append(mark)
        self.marks_wanted.append(wanted)


def parse_query(text: str) -> SearchQuery:
    """Read a search. What is not understood is a word like others."""
    query = SearchQuery()
    for number, match in enumerate(_CLAUSE.finditer(text.translate(_QUOTES))):
        if number >= MAX_CLAUSES:
            break
        _add(query, match)
    return query


def _add(query: SearchQuery, match: re.Match[str]) -> None:
    wanted, prefix = match["sign"] != "-", match["prefix"]
    value = match["word"] if match["phrase"] is None else match["phrase"]
    if prefix is not None:
        add = _PREFIXES.get(prefix)
        if add is None or not add(query, value, wanted):
            query.add_word(f"{prefix} {value}", wanted, phrase=False)
    elif value.strip():
        query.add_word(value, wanted, phrase=match["phrase"] is not None)


def _by_property(query: SearchQuery, value: str, wanted: bool) -> bool:
    if value.lower() not in _PROPERTIES:
        return False
    query.add_mark(f"|is|{value.lower()}", wanted=wanted)
    return True


def _by_language(query: SearchQuery, value: str, wanted: bool) -> bool:
    language = re.split("[-_]", value.lower())[0]
    if not re.fullmatch("[a-z]{2,3}", language):
        return False
    query.add_mark(f"|language|{language}", wanted=wanted)
    return True


def _by_author(query: SearchQuery, value: str, wanted: bool) -> bool:
    query.authors.append((value, wanted))
    return True


def _in(query: SearchQuery, value: str, wanted: bool) -> bool:
    if value.lower() not in _SCOPES or not wanted:
        return False
    query.scope = value.lower()
    return True


def _before(query: SearchQuery, value: str, wanted: bool) -> bool:
    day = _day(value)
    if day is None:
        return False
    return _between(query, *((None, day) if wanted else (day, None)))


def _after(query: SearchQuery, value: str, wanted: bool) -> bool:
    day = _day(value)
    if day is None:
        return False
    following = day + timedelta(days=1)
    return _between(query, *((following, None) if wanted else (None, following)))


def _during(query: SearchQuery, value: str, wanted: bool) -> bool:
    day = _day(value)
    if day is None:
        return False
    if wanted:
        return _between(query, day, day + timedelta(days=1))
    query.add_mark(f"|date|{day.isoformat()}", wanted=False)
    return True


def _between(query: SearchQuery, start: date | None, end: date | None) -> bool:
    query.narrowed = True
    if start is not None:
        query.above = max(query.above, first_id_of(_midnight(start)) - 1)
    if end is not None:
        query.below = min(query.below, first_id_of(_midnight(end)))
    return True


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _day(value: str) -> date | None:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return None
    return day if 2000 <= day.year < 3000 else None


_PREFIXES: Mapping[str, Callable[[SearchQuery, str, bool], bool]] = {
    "has": _by_property,
    "is": _by_property,
    "language": _by_language,
    "from": _by_author,
    "in": _in,
    "before": _before,
    "after": _after,
    "during": _during,
}

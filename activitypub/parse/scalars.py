"""Single properties: text, ids, times, numbers. Each reader returns what is usable, or None.

A property may be a scalar, a list, null or an object wherever JSON-LD allows one of them; the
readers here take all of these and never fail on a value of the wrong kind.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from activitypub.addressing import PUBLIC, is_public
from activitypub.errors import DocumentError
from activitypub.model import LanguageMap
from activitypub.origins import is_web_url
from activitypub.parse.limits import (
    MAX_CONTENT_CHARS,
    MAX_COUNT,
    MAX_DURATION_S,
    MAX_LANGUAGES,
    MAX_PIXELS,
    MAX_RECIPIENTS,
    MAX_TOKEN_CHARS,
    MAX_UNKNOWN,
)

_FIRST_YEAR: Final = 1000
_LAST_YEAR: Final = 9998
_MAX_TIME_CHARS = 64
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,7}", re.ASCII)
_DURATION = re.compile(
    r"P(?:(\d{1,5})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,10}(?:\.\d{1,9})?)S)?)?", re.ASCII
)


def listed(value: Any, limit: int) -> list[Any]:
    """Return the value as a list of at most `limit` members; null is the empty list."""
    if value is None:
        return []
    if isinstance(value, list):
        return value[:limit]
    return [value]


def first(value: Any) -> Any:
    """Return the value, or the first member if it is a list."""
    if isinstance(value, list):
        return value[0] if value else None
    return value


def text(value: Any, max_chars: int) -> str | None:
    """Return a string, cut to `max_chars`; of a list the first, of a value object its value."""
    if isinstance(value, str):
        return value if len(value) <= max_chars else value[:max_chars]
    value = first(value)
    if isinstance(value, dict):
        value = value.get("@value")
    return value[:max_chars] if isinstance(value, str) else None


def content(value: Any) -> str | None:
    """Return a long text. Raises DocumentError if it is too long, since cut HTML misleads."""
    found = text(value, MAX_CONTENT_CHARS + 1)
    if found is not None and len(found) > MAX_CONTENT_CHARS:
        raise DocumentError("content is too long")
    return found


def token(value: Any, max_chars: int = MAX_TOKEN_CHARS) -> str | None:
    """Return a short string that has no meaning when cut: too long or empty gives None."""
    value = first(value)
    return value if isinstance(value, str) and 0 < len(value) <= max_chars else None


def language_map(value: Any, max_chars: int) -> LanguageMap:
    """Return the usable entries of a language map (`contentMap`), texts cut to `max_chars`."""
    if not isinstance(value, dict):
        return {}
    found: dict[str, str] = {}
    for tag, translation in value.items():
        if isinstance(translation, str) and isinstance(tag, str) and _LANGUAGE.fullmatch(tag):
            found[tag] = translation[:max_chars]
            if len(found) == MAX_LANGUAGES:
                break
    return found


def language_tag(value: Any) -> str | None:
    """Return a language tag (BCP 47) that names a language; `und` names none."""
    if isinstance(value, str) and value != "und" and _LANGUAGE.fullmatch(value):
        return value
    return None


def reference(value: Any) -> str | None:
    """Return an id: an absolute http(s) URL without user information, or None.

    Where an object is embedded its id is taken, or its `href`; of a list the first.
    """
    if isinstance(value, list):
        value = first(value)
    if isinstance(value, dict):
        value = value.get("id") or value.get("href")
    return value if isinstance(value, str) and is_web_url(value) else None


def references(value: Any, limit: int) -> tuple[str, ...]:
    """Return the usable ids of a property, each once, at most `limit`."""
    found = (reference(member) for member in listed(value, limit))
    return tuple(dict.fromkeys(id_ for id_ in found if id_ is not None))


def recipients(value: Any) -> tuple[str, ...]:
    """Return the ids of `to`, `cc` or `audience`, with Public in its full spelling."""
    if value is None:
        return ()
    found: dict[str, None] = {}
    for member in listed(value, MAX_RECIPIENTS):
        if isinstance(member, str) and is_public(member):
            found[PUBLIC] = None
        elif (id_ := reference(member)) is not None:
            found[id_] = None
    return tuple(found)


def opaque_id(value: Any) -> str | None:
    """Return an identifier that need not be a URL (`conversation`, `context`)."""
    value = first(value)
    if isinstance(value, dict):
        value = value.get("id")
    return token(value)


def time(value: Any) -> datetime | None:
    """Return an aware time in UTC; a time without a zone is taken as UTC (xsd:dateTime).

    What is not of these ages is none: the first and the last time that Python knows are infinite to
    PostgreSQL.
    """
    value = first(value)
    if not isinstance(value, str) or len(value) > _MAX_TIME_CHARS:
        return None
    try:
        found = datetime.fromisoformat(value)
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        elif found.tzinfo is not UTC:
            found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def duration(value: Any) -> float | None:
    """Return the seconds of an xsd:duration (`PT1H2.5S`; years and months are not read)."""
    if not isinstance(value, str):
        return None
    match = _DURATION.fullmatch(value)
    if match is None or match.lastindex is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total = days * 86_400 + hours * 3_600 + minutes * 60 + seconds
    return total if total <= MAX_DURATION_S else None


def count(value: Any) -> int | None:
    """Return a number that counts something: whole, not negative, exact in JSON."""
    value = first(value)
    if type(value) is int and 0 <= value <= MAX_COUNT:
        return value
    return None


def pixels(value: Any) -> int | None:
    """Return a width or height. Some write it as a float."""
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 < value <= MAX_PIXELS else None


def focal_point(value: Any) -> tuple[float, float] | None:
    """Return the point of interest of an image, both parts from -1 to 1 (toot:focalPoint)."""
    if not isinstance(value, list) or len(value) != 2:
        return None
    x, y = value
    if type(x) not in {int, float} or type(y) not in {int, float}:
        return None
    if x != x or y != y:  # NaN
        return None
    return float(max(-1, min(1, x))), float(max(-1, min(1, y)))


def flag(value: Any) -> bool:
    """Return whether a property is true: only the JSON value `true` is."""
    return value is True


def unknown(document: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the properties of `document` that no field stands for."""
    found = {key: value for key, value in document.items() if key not in known}
    if len(found) > MAX_UNKNOWN:
        return {key: found[key] for key in list(found)[:MAX_UNKNOWN]}
    return found


def objects(value: Any, limit: int) -> Iterator[dict[str, Any]]:
    """Give the embedded objects of a property, at most `limit` members looked at."""
    for member in listed(value, limit):
        if isinstance(member, dict):
            yield member

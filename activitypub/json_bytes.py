"""JSON as it may arrive from a stranger: one reading only, bounded in size and depth."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from activitypub.errors import DocumentError

_BLANK_BEFORE_COLON = re.compile(rb'"[ \t\r\n]+:')
MAX_DOCUMENT_BYTES = 1_048_576
MAX_DEPTH = 32


def loads(
    raw: bytes, *, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_DOCUMENT_BYTES
) -> dict[str, Any]:
    """Parse `raw` into the one JSON object it holds.

    Raises DocumentError for anything larger than `max_bytes` or nested deeper than
    `max_depth`, for bad UTF-8, lone surrogates, NUL characters (PostgreSQL stores none),
    infinite numbers, repeated keys (two readers would see two documents, RFC 8259 §4), and
    for a top level that is no object.
    """
    if len(raw) > max_bytes:
        raise DocumentError(f"document is larger than {max_bytes} bytes")
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"document is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DocumentError("document is not a JSON object")
    if _repeats_key(raw, _count_keys(document, max_depth)):
        raise DocumentError("an object repeats a key")
    if b"\\u0000" in raw:
        _refuse_nul(document)
    return document


def dumps(document: Mapping[str, Any]) -> bytes:
    """Return the compact UTF-8 JSON of `document`. Raises DocumentError if it has none."""
    try:
        return orjson.dumps(document)
    except orjson.JSONEncodeError as error:
        raise DocumentError(f"document cannot be written as JSON: {error}") from error


def _repeats_key(raw: bytes, kept: int) -> bool:
    """Tell whether valid JSON text has more keys than the `kept` ones of its parsed form.

    Each key of compact text ends in `":`. Texts may hold more of these, never fewer, so that
    equal numbers prove that no key was lost; otherwise the text is taken apart.
    """
    if _BLANK_BEFORE_COLON.search(raw) is None and raw.count(b'":') == kept:
        return False
    return _count_written_keys(raw) != kept


def _count_written_keys(raw: bytes) -> int:
    """Count the keys in valid JSON text: outside of strings, each colon ends one key."""
    unescaped = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(unescaped.split(b'"')[::2]).count(b":")


def _count_keys(value: dict[str, Any] | list[Any], levels_left: int) -> int:
    """Count the keys that the parser kept, in `value` and below."""
    if levels_left == 0:
        raise DocumentError("document is nested too deeply")
    if isinstance(value, dict):
        count, members = len(value), iter(value.values())
    else:
        count, members = 0, iter(value)
    for member in members:
        if member.__class__ is dict or member.__class__ is list:
            count += _count_keys(member, levels_left - 1)
    return count


def _refuse_nul(value: Any) -> None:
    if isinstance(value, str):
        if "\0" in value:
            raise DocumentError("document has a NUL character")
    elif isinstance(value, dict):
        for key, member in value.items():
            _refuse_nul(key)
            _refuse_nul(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_nul(member)

"""The JSON Canonicalization Scheme (RFC 8785): one way to write what was signed."""

from collections.abc import Mapping
from typing import Any

import orjson
import rfc8785

from activitypub.errors import DocumentError

_MOST_EXACT = 2**53 - 1


def canonicalise(document: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a JSON object.

    Raises DocumentError for what has no canonical form: integers of more than 53 bits, which two
    readers may round differently, lone surrogates, infinite numbers, and what is no JSON.
    """
    plain = dict(document)
    try:
        if _is_simple(plain):
            return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
        return rfc8785.dumps(plain)
    except (ValueError, RecursionError, orjson.JSONEncodeError) as error:
        raise DocumentError("document has no canonical form (RFC 8785)") from error


def _is_simple(value: Any) -> bool:
    """Whether orjson, several times as fast, writes `value` in the same way: it does but for
    fractions and for the order of names beyond ASCII."""
    kind = value.__class__
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        return all(
            name.__class__ is str and name.isascii() and _is_simple(inner)
            for name, inner in value.items()
        )
    if kind is list:
        return all(map(_is_simple, value))
    return kind is int and -_MOST_EXACT <= value <= _MOST_EXACT

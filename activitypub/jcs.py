"""The JSON Canonicalization Scheme (RFC 8785): one way to write what was signed."""

from collections.abc import Mapping
from typing import Any

import rfc8785

from activitypub.errors import DocumentError


def canonicalise(document: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a JSON object.

    Raises DocumentError for what has no canonical form: integers of more than 53 bits, which two
    readers may round differently, lone surrogates, infinite numbers, and what is no JSON.
    """
    try:
        return rfc8785.dumps(dict(document))
    except (ValueError, RecursionError) as error:
        raise DocumentError("document has no canonical form (RFC 8785)") from error

"""Where an authorization may lead back to (RFC 6749 §3.1.2, RFC 8252 for native applications)."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

from fedserver.errors import Invalid

OUT_OF_BAND: Final = "urn:ietf:wg:oauth:2.0:oob"
MAX_URIS: Final = 20
MAX_URI_CHARS: Final = 2_000

# Any scheme of an application serves, with or without an authority (`icecubesapp://`).
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):[!-~]+", re.ASCII)
# What a browser would run or read from its own disk instead of leaving for an application.
_FORBIDDEN_SCHEMES: Final = frozenset(
    {"about", "blob", "data", "file", "filesystem", "javascript", "vbscript", "view-source"}
)


def parse_redirect_uris(given: Iterable[str]) -> list[str]:
    """Read what a client registers: a list, or one text with a URI on each line.

    Raises Invalid (Mastodon API: apps#create).
    """
    uris = list(dict.fromkeys(uri for text in given for uri in text.split()))
    if not uris:
        raise Invalid("Validation failed: Redirect URI can't be blank")
    if len(uris) > MAX_URIS:
        raise Invalid(f"Validation failed: Redirect URI is given more than {MAX_URIS} times")
    for uri in uris:
        _check(uri)
    return uris


def _check(uri: str) -> None:
    match = _ABSOLUTE.fullmatch(uri)
    if match is None:
        raise Invalid("Validation failed: Redirect URI must be an absolute URI.")
    if match[1].lower() in _FORBIDDEN_SCHEMES:
        raise Invalid("Validation failed: Redirect URI is forbidden by the server.")
    if "#" in uri:
        raise Invalid("Validation failed: Redirect URI cannot contain a fragment.")
    if len(uri) > MAX_URI_CHARS:
        raise Invalid(f"Validation failed: Redirect URI is longer than {MAX_URI_CHARS} characters")


def with_parameters(uri: str, parameters: dict[str, str]) -> str:
    """Give `uri` with `parameters` added to its query; nothing else of it changes."""
    separator = "" if uri.endswith(("?", "&")) else "&" if "?" in uri else "?"
    return f"{uri}{separator}{urlencode(parameters)}"

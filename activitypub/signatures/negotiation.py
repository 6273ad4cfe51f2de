"""Accept-Signature (RFC 9421 §5): asking for a signature, and reading what a peer asks for.

A wish only ever adds to what we sign by ourselves. Whoever could make us sign less could use our
signature elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import http_sf

from activitypub.signatures.request import MAX_COVERED, MAX_SIGNATURE_HEADER_CHARS

MAX_WISHES: Final = 8
MAX_TEXT_CHARS: Final = 256

_ALWAYS: Final = ("@method", "@target-uri")
_WITH_BODY: Final = ("content-digest", "content-type")
_POSSIBLE: Final = frozenset(
    {
        *(*_ALWAYS, *_WITH_BODY, "date", "host"),
        *("@authority", "@scheme", "@request-target", "@path", "@query"),
    }
)
_LABEL: Final = re.compile(r"[a-z*][a-z0-9_.*-]{0,63}")
_PARAMETERS: Final = frozenset({"created", "expires", "nonce", "alg", "keyid", "tag"})


@dataclass(frozen=True, slots=True)
class SignatureWish:
    """The signature that a peer asks for, as far as we can make it."""

    label: str
    components: tuple[str, ...]
    nonce: str | None = None
    tag: str | None = None
    alg: str | None = None
    key_id: str | None = None
    expires: bool = False


def accept_signature(*, with_body: bool) -> str:
    """Return the `Accept-Signature` that asks for what our verifier wants to see covered."""
    covered = (*_ALWAYS, "content-digest") if with_body else _ALWAYS
    names = " ".join(f'"{name}"' for name in covered)
    return f"sig1=({names});created"


def read_wish(header: str | None, *, with_body: bool) -> SignatureWish | None:
    """Return the first wish in an `Accept-Signature` header that we can fulfil; None without one.

    Never raises: a header that makes no sense asks for nothing.
    """
    if not header or len(header) > MAX_SIGNATURE_HEADER_CHARS:
        return None
    try:
        members = http_sf.parse(header.encode(), tltype="dictionary")
    except ValueError:
        return None
    if not isinstance(members, dict) or len(members) > MAX_WISHES:
        return None
    found = (_read(label, member, with_body) for label, member in members.items())
    return next((wish for wish in found if wish is not None), None)


def _read(label: str, member: Any, with_body: bool) -> SignatureWish | None:
    components, parameters = member
    if not isinstance(components, list) or len(components) > MAX_COVERED:
        return None
    if not _LABEL.fullmatch(label) or not _is_usable(parameters):
        return None
    possible = _POSSIBLE if with_body else _POSSIBLE.difference(_WITH_BODY)
    if any(name not in possible or details for name, details in components):
        return None
    names = [name for name, _ in components]
    required = (*_ALWAYS, "content-digest") if with_body else _ALWAYS
    return SignatureWish(
        label=label,
        components=tuple(dict.fromkeys([*names, *required])),
        nonce=parameters.get("nonce"),
        tag=parameters.get("tag"),
        alg=parameters.get("alg"),
        key_id=parameters.get("keyid"),
        expires=parameters.get("expires") is True,
    )


def _is_usable(parameters: Mapping[str, Any]) -> bool:
    texts = [parameters.get(name) for name in ("nonce", "alg", "keyid", "tag")]
    return _PARAMETERS.issuperset(parameters) and all(
        text is None or (isinstance(text, str) and len(text) <= MAX_TEXT_CHARS) for text in texts
    )

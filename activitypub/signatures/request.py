"""What both signature dialects share: the request, the claim read from it, and common checks."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import SplitResult, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from activitypub.errors import SignatureError
from activitypub.keys import PrivateKey

# The clock window of Mastodon's verifier, which the whole network lives with.
MAX_FUTURE_S: Final = 3600
MAX_AGE_S: Final = 12 * 3600

MAX_KEY_ID_CHARS: Final = 2048
MAX_SIGNATURE_HEADER_CHARS: Final = 8192
MAX_COVERED_VALUE_CHARS: Final = 8192
MAX_COVERED: Final = 32
MAX_SIGNATURE_BYTES: Final = 1024  # RSA-8192

# Our own inboxes and the keys of busy peers come again and again.
_URLS_REMEMBERED: Final = 2_048
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FIELD_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_VISIBLE_ASCII: Final = re.compile(r"[\x21-\x7e]+")


class Dialect(StrEnum):
    """The two ways in which the fediverse signs requests."""

    CAVAGE = "cavage"
    RFC9421 = "rfc9421"


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A received request, as its sender addressed it.

    `url` is absolute and public: the server's own scheme and authority (not a proxy's), then the
    raw request target with its query, still percent-encoded. Header names are lower-case and
    repeated headers are joined with ", ". `body` is the raw bytes, before any decoding.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says about its signer, all checks passed that need no key.

    It is proven only when `check_signature` returns for the key that `key_id` names. `algorithm`
    is what the sender wrote, if anything; the key decides which one is used. A cavage claim has
    one or two `signing_strings`, either of which may be the signed one; an RFC 9421 claim has
    `message_headers`: the covered header fields and the one chosen signature.
    """

    dialect: Dialect
    key_id: str
    method: str
    url: str
    algorithm: str | None
    signature: bytes
    signing_strings: tuple[bytes, ...] = ()
    message_headers: tuple[tuple[str, str], ...] = ()


@lru_cache(maxsize=_URLS_REMEMBERED)
def split_url(url: str) -> SplitResult:
    """Split an absolute http(s) URL; raises SignatureError for anything else."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError as error:
        raise SignatureError("URL is malformed") from error
    if not usable or not _VISIBLE_ASCII.fullmatch(url):
        raise SignatureError("URL is not an absolute http(s) URL in ASCII")
    return parts


@lru_cache(maxsize=_URLS_REMEMBERED)
def authority(parts: SplitResult) -> str:
    """The value of the Host header for a URL: no user info, no default port, lower case."""
    host = parts.netloc.rpartition("@")[2].lower()
    if parts.port is None or parts.port == _DEFAULT_PORTS[parts.scheme]:
        return re.sub(r":\d*\Z", "", host)
    return host


def path_of(parts: SplitResult) -> str:
    """The path as it stands in the request line: never empty."""
    return parts.path or "/"


def target_of(parts: SplitResult) -> str:
    """Path and query as they stand in the request line."""
    return f"{path_of(parts)}?{parts.query}" if parts.query else path_of(parts)


def check_key_id(key_id: object) -> str:
    """The key id if it is an http(s) URL of bounded length; raises SignatureError."""
    if not isinstance(key_id, str) or not key_id:
        raise SignatureError("no key id")
    if len(key_id) > MAX_KEY_ID_CHARS:
        raise SignatureError("key id is too long")
    if "@" in split_url(key_id).netloc:
        raise SignatureError("key id has user info")
    return key_id


def check_size(name: str, value: str) -> None:
    """Refuse an oversized signature header before any parsing; raises SignatureError."""
    if len(value) > MAX_SIGNATURE_HEADER_CHARS:
        raise SignatureError(f"{name} header is too long")


def covered_field(request: SignedRequest, name: str) -> str:
    """The value of a header the signature covers; raises SignatureError if absent or unfit."""
    value = request.headers.get(name)
    if value is None:
        raise SignatureError(f"signed header is missing: {name[:64]}")
    if len(value) > MAX_COVERED_VALUE_CHARS:
        raise SignatureError(f"signed header is too long: {name[:64]}")
    if not _FIELD_VALUE.fullmatch(value):
        raise SignatureError(f"signed header is not plain ASCII: {name[:64]}")
    return value.strip(" \t")


def needs_digest(request: SignedRequest) -> bool:
    """Whether a signature of this request has to cover its body."""
    return bool(request.body) or request.method.upper() == "POST"


def http_date(moment: datetime) -> str:
    """The IMF-fixdate of a moment (RFC 9110 §5.6.7)."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def check_age(signed_at_s: float, now: datetime) -> None:
    """Refuse a signature from outside the clock window; raises SignatureError."""
    age_s = now.timestamp() - signed_at_s
    if age_s > MAX_AGE_S:
        raise SignatureError("signature is too old")
    if age_s < -MAX_FUTURE_S:
        raise SignatureError("signature is from the future")


def check_expiry(expires_s: float, now: datetime) -> None:
    """Refuse a signature at or after the end its signer set; raises SignatureError."""
    if now.timestamp() >= expires_s:
        raise SignatureError("signature has expired")


def sign_bytes(private_key: PrivateKey, data: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256, or Ed25519: what the kind of key says."""
    if isinstance(private_key, RSAPrivateKey):
        return private_key.sign(data, PKCS1v15(), SHA256())
    return private_key.sign(data)

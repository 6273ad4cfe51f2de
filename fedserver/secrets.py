"""The instance key and what is made with it; tokens and their hashes.

The instance key lies in a file outside the database, so that a copy of the database alone gives
away neither private keys nor the right to sign in.
"""

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any, Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer

from fedserver.clock import Clock, SystemClock
from fedserver.errors import FedserverError, Invalid, StartError

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | Mapping[str, JsonValue] | None"

INSTANCE_KEY_BYTES: Final = 32
_WRAP_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_MAX_SIGNED_CHARS: Final = 4096


class CannotUnwrap(FedserverError):
    """A wrapped secret was made with another instance key, for another purpose, or is damaged."""


class Secrets:
    """Wraps secrets for the database and signs values that pass through other people's hands."""

    def __init__(self, instance_key: bytes, clock: Clock | None = None) -> None:
        if len(instance_key) != INSTANCE_KEY_BYTES:
            raise ValueError(f"the instance key has {INSTANCE_KEY_BYTES} bytes")
        self._cipher = AESGCM(_derive(instance_key, b"fedserver wrap 1"))
        self._signing_key = _derive(instance_key, b"fedserver sign 1")
        self._clock = clock or SystemClock()

    @classmethod
    def load_or_create(cls, path: Path, clock: Clock | None = None) -> "Secrets":
        """Read the instance key from `path`; the first time, make it there with mode 0600.

        Two processes that start at once end up with the same key. Raises StartError, with what to
        do, when the file cannot be used.
        """
        try:
            if not path.exists():
                _create_key_file(path)
            key = _read_key_file(path)
        except OSError as error:
            raise StartError(f"Cannot use the instance key {path}: {error.strerror}.") from error
        return cls(key, clock)

    def derived(self, use: str) -> bytes:
        """Give a key for one `use`, the same in every process and at every start."""
        return _derive(self._signing_key, use.encode())

    def wrap(self, plaintext: bytes, *, purpose: str) -> bytes:
        """Encrypt `plaintext` with AES-256-GCM; only the same `purpose` opens it again."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, plaintext, _associated(purpose))
        return _WRAP_VERSION + nonce + sealed

    def unwrap(self, blob: bytes, *, purpose: str) -> bytes:
        """Give back what `wrap` was given. Raises CannotUnwrap."""
        if blob[:1] != _WRAP_VERSION or len(blob) < 1 + _NONCE_BYTES + _TAG_BYTES:
            raise CannotUnwrap("not a wrapped secret of a version known here")
        nonce, sealed = blob[1 : 1 + _NONCE_BYTES], blob[1 + _NONCE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, sealed, _associated(purpose))
        except InvalidTag as error:
            raise CannotUnwrap(f"wrong instance key or damaged secret ({purpose})") from error

    def sign_value(self, value: JsonValue, *, purpose: str) -> str:
        """Give `value` as URL-safe text, readable by everybody, with a time and a signature."""
        text = self._serializer(purpose).dumps(value)
        return text.decode("ascii") if isinstance(text, bytes) else text

    def read_value(self, text: str, *, purpose: str, max_age_s: int) -> JsonValue:
        """Give the value that was signed for `purpose` at most `max_age_s` ago; raises Invalid."""
        if len(text) > _MAX_SIGNED_CHARS:
            raise Invalid("This link or form is not valid.")
        try:
            value: JsonValue = self._serializer(purpose).loads(text, max_age=max_age_s)
        except BadData as error:
            raise Invalid("This link or form is not valid or has expired.") from error
        return value

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            self._signing_key,
            salt=purpose,
            signer=_ClockSigner,
            signer_kwargs={
                "clock": self._clock,
                "key_derivation": "hmac",
                "digest_method": hashlib.sha256,
            },
        )


class _ClockSigner(TimestampSigner):
    """itsdangerous reads the system's clock; this reads ours."""

    def __init__(self, *args: Any, clock: Clock, **options: Any) -> None:
        super().__init__(*args, **options)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock.now().astimezone(UTC).timestamp())


def new_token() -> str:
    """A new bearer token: 256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """What is kept of a token. It is random already, so plain SHA-256 is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def same(left: str | bytes, right: str | bytes) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(_as_bytes(left), _as_bytes(right))


def _as_bytes(secret: str | bytes) -> bytes:
    return secret.encode("utf-8", "surrogatepass") if isinstance(secret, str) else secret


def _derive(instance_key: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), length=INSTANCE_KEY_BYTES, salt=None, info=use).derive(instance_key)


def _associated(purpose: str) -> bytes:
    return _WRAP_VERSION + purpose.encode()


def _create_key_file(path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(INSTANCE_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        _publish(temporary, path)
    finally:
        temporary.unlink()


def _publish(temporary: Path, path: Path) -> None:
    # A link, unlike a rename, never replaces the key of a process that was quicker.
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read_key_file(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise StartError(
                f"Others on this machine may read the instance key {path} (mode {mode:04o})."
                f" Close it with: chmod 600 {path}"
            )
        key = file.read(INSTANCE_KEY_BYTES + 1)
    if len(key) != INSTANCE_KEY_BYTES:
        raise StartError(
            f"The instance key {path} must have exactly {INSTANCE_KEY_BYTES} bytes."
            " Put the file back from your backup: without it, private keys stay locked."
        )
    return key

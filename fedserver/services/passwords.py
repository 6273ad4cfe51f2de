"""Passwords: the rules for new ones, and Argon2id hashes (RFC 9106)."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fedserver.errors import Invalid

MIN_CHARS: Final = 8
MAX_CHARS: Final = 128

T = TypeVar("T")

# OWASP's minimum. The library's default takes 64 MiB and eight times as long for each try, which
# would be a cheap way to stop a small server.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Two tries at once, in threads of their own: a crowd at the sign-in page delays only itself.
_THREADS: Final = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
# No password has this hash; checking one against it takes as long as against a real one.
_NOBODYS_HASH: Final = f"$argon2id$v=19$m={19 * 1024},t=2,p=1${'A' * 22}${'A' * 43}"


def check_password(password: str) -> None:
    """Raise Invalid, with a text for the person, unless `password` may be a new password."""
    if len(password) < MIN_CHARS:
        raise Invalid(
            f"Validation failed: Password is too short (minimum is {MIN_CHARS} characters)"
        )
    if len(password) > MAX_CHARS:
        raise Invalid(
            f"Validation failed: Password is too long (maximum is {MAX_CHARS} characters)"
        )
    if any("\ud800" <= char <= "\udfff" for char in password):
        raise Invalid("Validation failed: Password is not valid text")


async def hash_password(password: str) -> str:
    """Give the hash to keep. Raises Invalid as `check_password` does."""
    check_password(password)
    return await _in_thread(lambda: _HASHER.hash(_normal(password)))


async def verify_password(hash: str | None, password: str) -> bool:
    """Say whether `password` belongs to `hash`.

    None stands for an account that does not exist: it takes the same time, so that nobody learns
    from the clock who has an account.
    """
    if len(password) > MAX_CHARS:
        return False
    matches = await _in_thread(lambda: _matches(hash or _NOBODYS_HASH, password))
    return matches and hash is not None


def needs_rehash(hash: str) -> bool:
    """Say whether `hash` was made with other settings than today's (then hash again at sign-in)."""
    return _HASHER.check_needs_rehash(hash)


def _matches(hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(hash, _normal(password))
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> bytes:
    # Keyboards differ in how they send the same letter (NIST SP 800-63B §5.1.1.2 advises NFKC).
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


async def _in_thread(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, call)

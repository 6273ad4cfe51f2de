"""Sealing: what leaves the machine is encrypted with age to those who may open it."""

from collections.abc import Iterable
from typing import BinaryIO

import pyrage

from fedserver.errors import FedserverError, Invalid


class CannotOpen(FedserverError):
    """What was sealed is damaged, or sealed to other keys."""


def recipients(texts: Iterable[str]) -> list[pyrage.x25519.Recipient]:
    """Read `age1…` recipients; raises Invalid, which names the one that is none."""
    return [_recipient(text) for text in texts]


def seal(plain: bytes, to: Iterable[str]) -> bytes:
    """Return `plain` encrypted to every recipient of `to`.

    Takes about 15 ms a megabyte: not for the event loop. Raises Invalid for what is no recipient.
    """
    sealed: bytes = pyrage.encrypt(plain, recipients(to))
    return sealed


def open_sealed(sealed: bytes, identity: pyrage.x25519.Identity) -> bytes:
    """Return what was sealed to `identity`; raises CannotOpen. Not for the event loop."""
    try:
        plain: bytes = pyrage.decrypt(sealed, [identity])
    except pyrage.DecryptError as error:
        raise CannotOpen(f"it cannot be opened with this key: {error}") from None
    return plain


def seal_stream(plain: BinaryIO, sealed: BinaryIO, to: Iterable[str]) -> None:
    """Encrypt one stream into another, in little memory. Not for the event loop."""
    pyrage.encrypt_io(plain, sealed, recipients(to))


def open_stream(sealed: BinaryIO, plain: BinaryIO, identity: pyrage.x25519.Identity) -> None:
    """Decrypt one stream into another; raises CannotOpen, perhaps after it wrote a part.

    The caller throws that part away. Not for the event loop.
    """
    try:
        pyrage.decrypt_io(sealed, plain, [identity])
    except pyrage.DecryptError as error:
        raise CannotOpen(f"it cannot be opened with this key: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise  # of the disk; what was changed behind the header has no number
        raise CannotOpen(f"it is damaged: {error}") from None


def read_identity(text: str) -> pyrage.x25519.Identity:
    """Read an age identity as `age-keygen` writes it, comments and all; raises Invalid."""
    lines = [line.strip() for line in text.splitlines()]
    secret = [line for line in lines if line and not line.startswith("#")]
    try:
        (only,) = secret
        return pyrage.x25519.Identity.from_str(only)
    except (ValueError, pyrage.IdentityError):
        raise Invalid(
            "That is no age identity: one line that begins with AGE-SECRET-KEY-1"
        ) from None


def _recipient(text: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(text.strip())
    except pyrage.RecipientError:
        raise Invalid(f"“{text}” is not an age recipient; those begin with “age1”.") from None

"""The two keys behind a recovery key's words: one signs, one opens what was sealed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from activitypub.errors import KeyFormatError
from activitypub.keys import did_key, parse_did_key
from fedserver.errors import Invalid
from fedserver.recovery import bech32
from fedserver.recovery.words import SEED_BYTES, new_seed, seed_of, words_of

_SIGNING: Final = b"fedserver recovery signing 1"
_OPENING: Final = b"fedserver recovery opening 1"


class RecoveryKey:
    """The private half. It is in memory while a command needs it, and never stored."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise Invalid("The key that these shares give is not a recovery key.")
        self._seed = seed

    @classmethod
    def new(cls) -> "RecoveryKey":
        """Make a key at random."""
        return cls(new_seed())

    @classmethod
    def from_words(cls, words: str) -> "RecoveryKey":
        """Read the 24 words; raises Invalid, which says what is wrong with them."""
        return cls(seed_of(words))

    @property
    def seed(self) -> bytes:
        """The 32 bytes that everything follows from: what is split into shares."""
        return self._seed

    @property
    def words(self) -> str:
        """The 24 words to write down."""
        return words_of(self._seed)

    @cached_property
    def signing(self) -> Ed25519PrivateKey:
        """The Ed25519 key that signs for the identity or the instance."""
        return Ed25519PrivateKey.from_private_bytes(_derived(self._seed, _SIGNING))

    @cached_property
    def opening(self) -> pyrage.x25519.Identity:
        """The age identity that opens what was sealed to `public.recipient`."""
        text = bech32.encode("age-secret-key-", _derived(self._seed, _OPENING)).upper()
        return pyrage.x25519.Identity.from_str(text)

    @cached_property
    def public(self) -> "RecoveryPublic":
        """The half that a server may know."""
        return RecoveryPublic(
            did=did_key(self.signing.public_key()), recipient=str(self.opening.to_public())
        )


@dataclass(frozen=True, slots=True)
class RecoveryPublic:
    """The public half: `did` (did:key of the signing key) and `recipient` (age1…, for sealing)."""

    did: str
    recipient: str

    @classmethod
    def checked(cls, did: str, recipient: str) -> "RecoveryPublic":
        """Take a public half that somebody sent; raises Invalid if it is none."""
        try:
            parse_did_key(did)
            pyrage.x25519.Recipient.from_str(recipient)
        except (KeyFormatError, pyrage.RecipientError):
            raise Invalid("That is not the public half of a recovery key.") from None
        return cls(did, recipient)


def _derived(seed: bytes, use: bytes) -> bytes:
    return HKDF(SHA256(), SEED_BYTES, salt=None, info=use).derive(seed)

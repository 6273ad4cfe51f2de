"""A recovery key as 24 words, and as shares of which k of n give the words back."""

import difflib
import secrets
from collections.abc import Sequence
from typing import Final

import shamir_mnemonic
from mnemonic import Mnemonic

from fedserver.errors import Invalid

SEED_BYTES: Final = 32
WORDS: Final = 24
MAX_SHARES: Final = 16  # what SLIP-39 has room for

_ENGLISH: Final = Mnemonic("english")
_KNOWN: Final = frozenset(_ENGLISH.wordlist)


def new_seed() -> bytes:
    """Return the 32 random bytes that a new recovery key is made of."""
    return secrets.token_bytes(SEED_BYTES)


def words_of(seed: bytes) -> str:
    """Return the 24 English words of BIP-39 that stand for the seed, separated by spaces."""
    return _ENGLISH.to_mnemonic(seed)


def seed_of(words: str) -> bytes:
    """Return the seed that 24 words stand for; case and spacing do not matter.

    Raises Invalid, which names the word that is none or says what else is wrong.
    """
    given = words.lower().split()
    for number, word in enumerate(given, 1):
        if word not in _KNOWN:
            raise Invalid(f"Word {number}, “{word}”, is not a word of a recovery key.{_hint(word)}")
    if len(given) != WORDS:
        raise Invalid(f"A recovery key has {WORDS} words; these are {len(given)}.")
    phrase = " ".join(given)
    if not _ENGLISH.check(phrase):
        raise Invalid(
            "These words are not a recovery key: one of them is wrong, or two changed places."
        )
    return bytes(_ENGLISH.to_entropy(phrase))


def split(seed: bytes, *, needed: int, shares: int) -> list[str]:
    """Return `shares` lines of 33 words each, of which any `needed` give the seed back (SLIP-39).

    Fewer of them tell nothing about it. Raises Invalid unless 2 ≤ needed ≤ shares ≤ 16.
    """
    if not 2 <= needed <= shares <= MAX_SHARES:
        raise Invalid(
            f"A key is split into at most {MAX_SHARES} shares, of which at least two are needed."
        )
    groups: list[list[str]] = shamir_mnemonic.generate_mnemonics(1, [(needed, shares)], seed)
    return groups[0]


def join(shares: Sequence[str]) -> bytes:
    """Return the seed that was split into these shares (SLIP-39).

    Raises Invalid when they are too few, damaged, or of different keys.
    """
    try:
        seed: bytes = shamir_mnemonic.combine_mnemonics([one.strip().lower() for one in shares])
    except shamir_mnemonic.MnemonicError as error:
        raise Invalid(f"These shares do not give a recovery key: {error}.") from None
    return seed


def _hint(word: str) -> str:
    near = difflib.get_close_matches(word, _ENGLISH.wordlist, n=1)
    return f" Perhaps “{near[0]}”?" if near else ""

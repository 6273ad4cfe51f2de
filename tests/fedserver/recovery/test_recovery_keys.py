"""The words, keys, shares, seals and statements of recovery keys."""

from datetime import UTC, datetime, timedelta

import pytest

from fedserver.errors import Invalid
from fedserver.recovery import bech32
from fedserver.recovery.keys import RecoveryKey, RecoveryPublic
from fedserver.recovery.sealing import CannotOpen, open_sealed, seal
from fedserver.recovery.statements import NotVouchedFor, check_statement, sign_statement
from fedserver.recovery.words import join, split

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
# BIP-39's own vector for 32 zero bytes: what a key is must never change between releases.
ZERO_WORDS = " ".join(["abandon"] * 23 + ["art"])


def test_words_give_the_same_keys_for_ever() -> None:
    key = RecoveryKey.from_words(ZERO_WORDS.upper())
    assert key.seed == bytes(32)
    assert key.words == ZERO_WORDS
    assert key.public == RecoveryPublic(
        did="did:key:z6MkqXcAWN6UfGM5zhj3QuAfAovnV9PkK7thSs5kb1rEkH8B",
        recipient="age19jy0t4zw0jtyr4pvk5axnvnxh979708afyr52aee6je54wunkefsdxvh88",
    )


def test_bech32_writes_as_bip_173_does() -> None:
    assert bech32.encode("a", b"") == "a12uel5l"


def test_a_new_key_is_another_one() -> None:
    assert RecoveryKey.new().words != RecoveryKey.new().words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("abandon", "has 24 words; these are 1"),
        (ZERO_WORDS.replace("art", "arrt"), "Word 24, “arrt”.*“art”"),
        (ZERO_WORDS.replace("art", "zoo"), "changed places"),
        ("", "these are 0"),
    ],
)
def test_wrong_words_are_named(words: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        RecoveryKey.from_words(words)


def test_any_k_shares_give_the_key_and_fewer_do_not() -> None:
    key = RecoveryKey.new()
    shares = split(key.seed, needed=3, shares=5)
    assert join([shares[4], shares[0], shares[2]]) == key.seed
    with pytest.raises(Invalid, match="do not give a recovery key"):
        join(shares[:2])


def test_a_share_with_a_wrong_word_is_refused() -> None:
    shares = split(RecoveryKey.new().seed, needed=2, shares=3)
    words = shares[0].split()
    words[10], words[11] = words[11], words[10]
    with pytest.raises(Invalid):
        join([" ".join(words), shares[1]])


@pytest.mark.parametrize(("needed", "shares"), [(1, 3), (4, 3), (2, 17)])
def test_senseless_splits_are_refused(needed: int, shares: int) -> None:
    with pytest.raises(Invalid, match="at most 16 shares"):
        split(bytes(32), needed=needed, shares=shares)


def test_what_is_sealed_opens_for_its_recipients_only() -> None:
    one, other, thief = RecoveryKey.new(), RecoveryKey.new(), RecoveryKey.new()
    sealed = seal(b"canary", [one.public.recipient, other.public.recipient])
    assert b"canary" not in sealed
    assert open_sealed(sealed, one.opening) == open_sealed(sealed, other.opening) == b"canary"
    with pytest.raises(CannotOpen):
        open_sealed(sealed, thief.opening)
    with pytest.raises(CannotOpen):
        open_sealed(sealed[:-1] + bytes([sealed[-1] ^ 1]), one.opening)


def test_a_recipient_that_is_none_is_named() -> None:
    with pytest.raises(Invalid, match="“age1nonsense”"):
        seal(b"", ["age1nonsense"])


def test_a_statement_holds_until_a_word_changes() -> None:
    key, thief = RecoveryKey.new(), RecoveryKey.new()
    signed = sign_statement({"epoch": 2, "to": "new.example"}, by=key.signing, now=NOW)
    assert check_statement(signed, trusted=[key.public.did], now=NOW) == key.public.did
    with pytest.raises(NotVouchedFor):
        check_statement({**signed, "to": "evil.example"}, trusted=[key.public.did], now=NOW)
    with pytest.raises(NotVouchedFor, match="another key"):
        check_statement(signed, trusted=[thief.public.did], now=NOW)
    with pytest.raises(NotVouchedFor):
        check_statement({"epoch": 2}, trusted=[key.public.did], now=NOW)
    with pytest.raises(NotVouchedFor):
        check_statement(signed, trusted=[key.public.did], now=NOW - timedelta(days=1))


@pytest.mark.parametrize("did", ["did:key:zNONSENSE", "did:web:a.example", ""])
def test_a_public_half_that_is_none_is_refused(did: str) -> None:
    with pytest.raises(Invalid, match="public half"):
        RecoveryPublic.checked(did, RecoveryKey.new().public.recipient)
    with pytest.raises(Invalid, match="public half"):
        RecoveryPublic.checked(RecoveryKey.new().public.did, "age1nonsense")

"""When the signed list of an instance's other addresses is believed."""

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.keys import did_key
from activitypub.onions import onion_name
from fedserver.recovery.alternates import (
    AUTHORIZATION,
    VALID_FOR,
    Pin,
    read_alternates,
    sign_alternates,
)
from fedserver.recovery.keys import RecoveryKey
from fedserver.recovery.statements import NotVouchedFor, sign_statement

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
INSTANCE = "https://social.example"
KEY = Ed25519PrivateKey.generate()
OTHER = Ed25519PrivateKey.generate()
RECOVERY = RecoveryKey.new()
ONION = f"http://{onion_name(KEY.public_key().public_bytes_raw())}"
DOORS = ("https://alt.example", ONION)
DID = did_key(KEY.public_key())


def signed(
    *doors: str, sequence: int = 5, by: Ed25519PrivateKey = KEY, now: datetime = NOW
) -> dict[str, Any]:
    statement = sign_alternates(INSTANCE, doors or DOORS, sequence=sequence, by=by, now=now)
    return {"statement": statement}


def authorized(published: dict[str, Any], by: RecoveryKey, key: Ed25519PrivateKey) -> Any:
    statement = {"type": AUTHORIZATION, "instance": INSTANCE, "key": did_key(key.public_key())}
    return published | {"authorization": sign_statement(statement, by=by.signing, now=NOW)}


def test_a_first_list_names_its_key() -> None:
    found = read_alternates(signed(), instance=INSTANCE, pin=None, now=NOW)
    assert (found.alternates, found.sequence, found.key_did) == (DOORS, 5, DID)
    assert found.expires_at == NOW + VALID_FOR
    assert found.recovery_did is None


@pytest.mark.parametrize(
    "change",
    [
        {"alternates": ["https://evil.example"]},
        {"sequence": 6},
        {"expires": "2027-01-23T12:00:00Z"},
        {"instance": "https://other.example"},
        {"more": True},
    ],
)
def test_a_changed_list_is_refused(change: dict[str, Any]) -> None:
    published = copy.deepcopy(signed())
    published["statement"] |= change
    with pytest.raises(NotVouchedFor):
        read_alternates(published, instance=INSTANCE, pin=None, now=NOW)


@pytest.mark.parametrize("published", [None, [], {}, {"statement": 1}, {"statement": {}}])
def test_what_is_no_list(published: object) -> None:
    with pytest.raises(NotVouchedFor):
        read_alternates(published, instance=INSTANCE, pin=None, now=NOW)


def test_another_instances_list_is_not_this_ones() -> None:
    with pytest.raises(NotVouchedFor, match="not that instance's"):
        read_alternates(signed(), instance="https://other.example", pin=None, now=NOW)


def test_an_older_list_does_not_come_back() -> None:
    pin = Pin(DID, None, 5)
    read_alternates(signed(sequence=5), instance=INSTANCE, pin=pin, now=NOW)
    with pytest.raises(NotVouchedFor, match="older"):
        read_alternates(signed(sequence=4), instance=INSTANCE, pin=pin, now=NOW)


def test_a_list_ends() -> None:
    later = NOW + VALID_FOR + timedelta(seconds=1)
    with pytest.raises(NotVouchedFor, match="expired"):
        read_alternates(signed(), instance=INSTANCE, pin=None, now=later)


def test_another_key_needs_the_word_of_the_recovery_key() -> None:
    changed = signed(by=OTHER, sequence=6)
    for pin in (Pin(DID, None, 5), Pin(DID, RECOVERY.public.did, 5)):
        with pytest.raises(NotVouchedFor, match="another key"):
            read_alternates(changed, instance=INSTANCE, pin=pin, now=NOW)
    pin = Pin(DID, RECOVERY.public.did, 5)
    found = read_alternates(
        authorized(changed, RECOVERY, OTHER), instance=INSTANCE, pin=pin, now=NOW
    )
    assert found.key_did == did_key(OTHER.public_key())
    for wrong in (
        authorized(changed, RecoveryKey.new(), OTHER),
        authorized(changed, RECOVERY, KEY),
    ):
        with pytest.raises(NotVouchedFor):
            read_alternates(wrong, instance=INSTANCE, pin=pin, now=NOW)


def test_a_thief_cannot_bring_a_recovery_key_to_a_pin_without_one() -> None:
    changed = authorized(signed(by=OTHER, sequence=6), RECOVERY, OTHER)
    with pytest.raises(NotVouchedFor, match="another key"):
        read_alternates(changed, instance=INSTANCE, pin=Pin(DID, None, 5), now=NOW)


def test_only_addresses_that_may_be_asked_are_kept() -> None:
    published = signed(
        "http://plain.example",
        "https://ALT.example:443/",
        "https://alt.example",
        "http://short.onion",
        "ftp://x.example",
        "https://user@y.example",
        INSTANCE,
        ONION,
    )
    found = read_alternates(published, instance=INSTANCE, pin=None, now=NOW)
    assert found.alternates == ("https://alt.example", ONION)
    too_many = signed(*(f"https://a{number}.example" for number in range(9)))
    with pytest.raises(NotVouchedFor, match="too long"):
        read_alternates(too_many, instance=INSTANCE, pin=None, now=NOW)

"""Recovery keys of peers' people: which count when, whatever their server shows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activitypub.model import Actor
from activitypub.proofs import add_proof
from fedserver.recovery.identity import claim_identity, rotate
from fedserver.recovery.keys import RecoveryKey
from fedserver.services import recovery_pins
from fedserver.services.recovery_pins import counts, proven_by
from storage.database import Database
from storage.query import Command
from storage.recovery_keys import PINS

URI = "https://far.test/users/ada"
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
ACCOUNT = Command(
    """
    INSERT INTO accounts (id, uri, username, domain, url, inbox_url, created_at)
    VALUES (1, $1, 'ada', 'far.test', $1, $1, now())
    """
)


class Peer:
    """An actor whose server shows what it likes, and what we make of it hours after the start."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def shows(self, *statements: dict[str, Any], after_h: float = 0) -> None:
        actor = Actor(id=URI, type="Person", statements=statements)
        now = START + timedelta(hours=after_h)
        async with self._db.transaction() as tx:
            known = await recovery_pins.pins_in(tx, 1)
            await recovery_pins.note(tx, 1, actor, known, now)

    async def counting(self, *keys: RecoveryKey, after_h: float) -> list[bool]:
        now = START + timedelta(hours=after_h)
        pins = {one.did: one for one in await self._db.fetch(PINS, 1)}
        return [one.public.did in pins and counts(pins[one.public.did], now) for one in keys]


@pytest.fixture
async def peer(db: Database) -> Peer:
    await db.execute(ACCOUNT, URI)
    return Peer(db)


def claim(key: RecoveryKey) -> dict[str, Any]:
    return claim_identity(key, URI, START)


async def test_the_first_key_counts_at_once_and_for_ever(peer: Peer) -> None:
    key = RecoveryKey.new()
    await peer.shows(claim(key))
    assert await peer.counting(key, after_h=0) == [True]
    assert await peer.counting(key, after_h=10_000) == [True]


async def test_a_stripped_key_counts_for_72_hours(peer: Peer) -> None:
    key = RecoveryKey.new()
    await peer.shows(claim(key))
    await peer.shows(after_h=1)
    await peer.shows(after_h=50)  # seen again: the time does not begin anew
    assert await peer.counting(key, after_h=72.9) == [True]
    assert await peer.counting(key, after_h=73) == [False]


async def test_a_key_that_is_shown_again_in_time_stays(peer: Peer) -> None:
    key = RecoveryKey.new()
    await peer.shows(claim(key))
    await peer.shows(after_h=1)
    await peer.shows(claim(key), after_h=70)
    assert await peer.counting(key, after_h=1_000) == [True]


async def test_a_new_key_without_the_old_ones_word_counts_after_72_hours(peer: Peer) -> None:
    old, new = RecoveryKey.new(), RecoveryKey.new()
    await peer.shows(claim(old))
    forged = rotate(new, new.public.did, URI, START)
    await peer.shows(claim(new), forged, after_h=1)
    assert await peer.counting(old, new, after_h=72) == [True, False]
    assert await peer.counting(old, new, after_h=73) == [False, True]


async def test_a_new_key_that_goes_again_never_counts(peer: Peer) -> None:
    old, theirs = RecoveryKey.new(), RecoveryKey.new()
    await peer.shows(claim(old))
    await peer.shows(claim(theirs), after_h=1)
    await peer.shows(claim(old), after_h=40)
    assert await peer.counting(old, theirs, after_h=100) == [True, False]


async def test_the_old_key_names_the_new_one_also_over_several_steps(peer: Peer) -> None:
    keys = [RecoveryKey.new() for _ in range(3)]
    await peer.shows(claim(keys[0]))
    log = [
        rotate(keys[1], keys[2].public.did, URI, START),
        rotate(keys[0], keys[1].public.did, URI, START),
    ]
    await peer.shows(claim(keys[2]), *log, after_h=1)
    assert await peer.counting(*keys, after_h=1) == [False, False, True]
    # Its own word ended the old key: the server cannot bring it back.
    await peer.shows(claim(keys[0]), after_h=2)
    assert await peer.counting(keys[0], keys[2], after_h=3) == [False, True]


async def test_a_waiting_key_counts_when_the_old_one_agrees(peer: Peer) -> None:
    old, new = RecoveryKey.new(), RecoveryKey.new()
    await peer.shows(claim(old))
    await peer.shows(claim(new), after_h=1)
    await peer.shows(claim(new), rotate(old, new.public.did, URI, START), after_h=2)
    assert await peer.counting(old, new, after_h=2) == [False, True]


async def test_only_what_an_actor_says_of_itself_is_pinned(peer: Peer) -> None:
    key, other = RecoveryKey.new(), RecoveryKey.new()
    foreign = claim_identity(key, "https://far.test/users/eve", START)
    swapped = claim(key) | {"subject": other.public.did}
    await peer.shows(foreign, swapped)
    assert await peer.counting(key, other, after_h=1) == [False, False]


async def test_there_is_an_end_to_keys(peer: Peer) -> None:
    keys: Sequence[RecoveryKey] = [RecoveryKey.new() for _ in range(12)]
    await peer.shows(*(claim(one) for one in keys))
    assert (await peer.counting(*keys, after_h=1)).count(True) == 8


@pytest.mark.parametrize(
    ("key_id", "holds"),
    [(f"{URI}#recovery", True), ("did", True), (f"{URI}#ed25519-key", False), ("", False)],
)
async def test_a_proof_names_the_key(peer: Peer, db: Database, key_id: str, holds: bool) -> None:
    key = RecoveryKey.new()
    await peer.shows(claim(key))
    named = key.public.did if key_id == "did" else key_id or "https://far.test/users/eve#recovery"
    move = {"type": "Move", "id": f"{URI}#1", "actor": URI, "object": URI}
    proven = add_proof(move, key_id=named, private_key=key.signing, now=START)
    pins = await db.fetch(PINS, 1)
    assert (proven_by(proven, pins, START) is not None) is holds
    assert proven_by({**proven, "target": URI}, pins, START) is None

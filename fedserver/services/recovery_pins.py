"""Recovery keys of peers' people, pinned when their actors show them.

What is proven by such a key is the person's own word. For 72 hours it stands against what their
server says: a key that the server takes away or replaces counts until then, and a new one only from
then on, unless the old key signed the change.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from activitypub.errors import KeyFormatError, SignatureError
from activitypub.keys import parse_did_key
from activitypub.model import Actor
from activitypub.proofs import ProofClaim, read_proof, verify_proof
from fedserver.context import Context
from fedserver.recovery.identity import IDENTITY, ROTATION, check_identity, check_rotation
from fedserver.recovery.statements import NotVouchedFor
from fedserver.uris import recovery_key
from storage.database import Transaction
from storage.recovery_keys import (
    FORGET_PINS,
    LIMIT_PINS,
    PIN_KEYS,
    PINS,
    PINS_OF_ACTOR,
    PinRow,
)

PERSONS_WORD: Final = timedelta(hours=72)
_MAX_PINS: Final = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """What an actor document shows: keys that say they are the actor's, and which follows which."""

    keys: frozenset[str]
    rotations: tuple[tuple[str, str], ...]


def shown_by(actor: Actor, now: datetime) -> Shown:
    """Read the statements of an actor; those that do not hold are nothing."""
    keys: set[str] = set()
    rotations: list[tuple[str, str]] = []
    for statement in actor.statements:
        try:
            if statement.get("type") == IDENTITY:
                keys.add(check_identity(statement, actor.id, now))
            elif statement.get("type") == ROTATION:
                rotations.append(check_rotation(statement, actor.id, now))
        except NotVouchedFor:
            continue
    return Shown(frozenset(keys), tuple(rotations))


async def note(
    tx: Transaction, account_id: int, actor: Actor, known: Sequence[PinRow], now: datetime
) -> None:
    """Pin what the actor shows, and date what it shows no more. `known`: what is pinned."""
    if not actor.statements and not known:
        return
    shown = shown_by(actor, now)
    replaced = _replaced(known, shown, now)
    await _limit(tx, account_id, known, shown, replaced, now)
    await _pin(tx, account_id, known, shown, replaced, now)


def _replaced(known: Sequence[PinRow], shown: Shown, now: datetime) -> dict[str, str]:
    """Give old key → new one, for what keys that count have signed, one after another."""
    counting = {one.did for one in known if counts(one, now)}
    replaced: dict[str, str] = {}
    for old, new in shown.rotations * len(shown.rotations):
        if old in counting and old not in replaced:
            replaced[old] = new
            counting.add(new)
    return replaced


async def _limit(
    tx: Transaction,
    account_id: int,
    known: Sequence[PinRow],
    shown: Shown,
    replaced: Mapping[str, str],
    now: datetime,
) -> None:
    ended = [one.did for one in known if one.did in replaced and one.did not in shown.keys]
    unripe = [one.did for one in known if one.valid_from > now and one.did not in shown.keys]
    hidden = [
        one.did
        for one in known
        if one.did not in shown.keys
        and one.valid_until is None
        and one.did not in (*ended, *unripe)
    ]
    # What was replaced by its own signature is not brought back by an old statement.
    back = [
        one.did
        for one in known
        if one.did in shown.keys and one.valid_until is not None and one.valid_until > now
    ]
    if ended:
        await tx.execute(LIMIT_PINS, account_id, ended, now)
    if hidden:
        await tx.execute(LIMIT_PINS, account_id, hidden, now + PERSONS_WORD)
    if back:
        await tx.execute(LIMIT_PINS, account_id, back, None)
    if unripe:
        await tx.execute(FORGET_PINS, account_id, unripe)


async def _pin(
    tx: Transaction,
    account_id: int,
    known: Sequence[PinRow],
    shown: Shown,
    replaced: Mapping[str, str],
    now: datetime,
) -> None:
    pinned = {one.did for one in known}
    new = sorted(shown.keys - pinned)[: max(0, _MAX_PINS - len(pinned))]
    in_force = any(counts(one, now) for one in known)
    signed = set(replaced.values())
    begin = [now if not in_force or did in signed else now + PERSONS_WORD for did in new]
    if new:
        await tx.execute(PIN_KEYS, account_id, new, now, begin)
    ripened = [one.did for one in known if one.valid_from > now and one.did in signed]
    if ripened:
        await tx.execute(FORGET_PINS, account_id, ripened)
        await tx.execute(PIN_KEYS, account_id, ripened, now, [now] * len(ripened))


def counts(pin: PinRow, now: datetime) -> bool:
    """Say whether what this key signs is the person's word now."""
    return pin.valid_from <= now and (pin.valid_until is None or now < pin.valid_until)


async def pins_of(ctx: Context, actor_uri: str) -> list[PinRow]:
    """Give what is pinned of the actor of that address."""
    return await ctx.db.fetch(PINS_OF_ACTOR, actor_uri)


async def pins_in(tx: Transaction, account_id: int) -> list[PinRow]:
    """Give what is pinned of an account."""
    return await tx.fetch(PINS, account_id)


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says themself: by which key, and when they signed it."""

    key: str
    said_at: datetime


async def spoken_by(ctx: Context, document: Mapping[str, Any]) -> Word | None:
    """Give the word of its actor's person that `document` is, by a proof of a pinned key."""
    actor = document.get("actor")
    if not isinstance(actor, str):
        return None
    return proven_by(document, await pins_of(ctx, actor), ctx.clock.now())


def proven_by(document: Mapping[str, Any], pins: Sequence[PinRow], now: datetime) -> Word | None:
    """Give the word that a key among `pins` proves `document` to be; it has to be as it came."""
    if not pins:
        return None
    try:
        claim = read_proof(document, now=now)
    except SignatureError:
        return None
    actor = str(document.get("actor"))
    for pin in pins:
        if counts(pin, now) and _names(claim, pin.did, actor) and _verifies(claim, pin.did):
            return None if claim.created is None else Word(pin.did, claim.created)
    return None


def _names(claim: ProofClaim, did: str, actor: str) -> bool:
    method = claim.verification_method
    return method == recovery_key(actor) or method.partition("#")[0] == did


def _verifies(claim: ProofClaim, did: str) -> bool:
    try:
        verify_proof(claim, parse_did_key(did))
    except (KeyFormatError, SignatureError):
        return False
    return True

"""Passwords: the rules, the hashes, and that nobody learns who has an account."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher, extract_parameters

from fedserver.errors import Invalid
from fedserver.services.passwords import (
    check_password,
    hash_password,
    needs_rehash,
    verify_password,
)


@pytest.mark.parametrize("password", ["12345678", "x" * 128, "passwörter sind schön", "🔑" * 8])
async def test_good_passwords_verify(password: str) -> None:
    hash = await hash_password(password)
    assert await verify_password(hash, password)
    assert not await verify_password(hash, password + "x")


@pytest.mark.parametrize("password", ["", "1234567", "x" * 129, "12345678\ud800"])
async def test_bad_passwords_are_refused(password: str) -> None:
    with pytest.raises(Invalid, match="Password"):
        check_password(password)
    with pytest.raises(Invalid, match="Password"):
        await hash_password(password)


async def test_the_same_letters_typed_elsewhere_verify() -> None:
    assert await verify_password(await hash_password("cafe\u0301 noir"), "caf\u00e9 noir")


async def test_the_hash_has_the_chosen_cost_and_hides_the_password() -> None:
    hash = await hash_password("correct horse")
    cost = extract_parameters(hash)
    assert (cost.time_cost, cost.memory_cost, cost.parallelism) == (2, 19 * 1024, 1)
    assert hash.startswith("$argon2id$")
    assert hash != await hash_password("correct horse")
    assert not needs_rehash(hash)


async def test_a_hash_of_other_cost_verifies_and_is_to_be_renewed() -> None:
    old = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1).hash("correct horse")
    assert await verify_password(old, "correct horse")
    assert needs_rehash(old)


@pytest.mark.parametrize("hash", ["", "x", "$argon2id$v=19$broken", "$2a$10$abcdefgh"])
async def test_what_is_no_hash_never_verifies(hash: str) -> None:
    assert not await verify_password(hash, "correct horse")


@pytest.mark.parametrize("password", ["correct horse", "\ud800", "x" * 10_000])
async def test_nobody_never_verifies(password: str) -> None:
    assert not await verify_password(None, password)


async def test_an_unknown_account_costs_as_much_time_as_a_known_one() -> None:
    hash = await hash_password("correct horse")
    known = [await _cpu_s(hash) for _ in range(5)]
    unknown = [await _cpu_s(None) for _ in range(5)]
    assert 0.5 < min(unknown) / min(known) < 2


async def _cpu_s(hash: str | None) -> float:
    before = time.process_time()
    await verify_password(hash, "wrong horse")
    return time.process_time() - before


async def test_the_event_loop_goes_on_meanwhile() -> None:
    check = asyncio.create_task(verify_password(None, "correct horse"))
    turns = 0
    while not check.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 10

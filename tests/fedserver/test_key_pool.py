"""Keys made ahead, and parsed keys kept."""

import threading
from collections.abc import Callable, Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.errors import KeyFormatError
from activitypub.keys import (
    generate_ed25519_key,
    generate_rsa_key,
    private_key_to_pem,
    public_key_to_pem,
)
from fedserver.key_pool import KeyCache, KeyPool


class CountingMaker:
    """Makes real keys, and counts."""

    def __init__(self) -> None:
        self.made = 0
        self.threads: set[str] = set()

    def __call__(self) -> RSAPrivateKey:
        self.made += 1
        self.threads.add(threading.current_thread().name)
        return generate_rsa_key()


@pytest.fixture
def pool_of() -> Iterator[Callable[[int, CountingMaker], KeyPool]]:
    pools: list[KeyPool] = []

    def make(size: int, maker: CountingMaker) -> KeyPool:
        pools.append(KeyPool(size, make=maker))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


PoolOf = Callable[[int, CountingMaker], KeyPool]


async def test_no_key_is_made_before_the_first_is_taken(pool_of: PoolOf) -> None:
    maker = CountingMaker()
    pool = pool_of(2, maker)
    await pool.refilled()
    assert (pool.ready, maker.made) == (0, 0)
    assert (await pool.take()).key_size == 2048
    await pool.refilled()
    assert (pool.ready, maker.made) == (2, 3)


async def test_keys_are_made_off_the_event_loop_and_given_once(pool_of: PoolOf) -> None:
    maker = CountingMaker()
    pool = pool_of(2, maker)
    keys = [await pool.take() for _ in range(5)]
    assert len({key.public_key().public_numbers().n for key in keys}) == 5
    assert threading.main_thread().name not in maker.threads


async def test_a_ready_key_is_taken_without_making_one(pool_of: PoolOf) -> None:
    maker = CountingMaker()
    pool = pool_of(2, maker)
    await pool.take()
    await pool.refilled()
    pool.close()
    made_before = maker.made
    await pool.take()
    assert (maker.made, pool.ready) == (made_before, 1)


async def test_a_closed_pool_still_gives_keys_but_makes_none_ahead(pool_of: PoolOf) -> None:
    maker = CountingMaker()
    pool = pool_of(3, maker)
    pool.close()
    await pool.take()
    assert (pool.ready, maker.made) == (0, 1)


def test_public_keys_are_parsed_once() -> None:
    pem = public_key_to_pem(generate_ed25519_key().public_key())
    cache = KeyCache()
    assert cache.public(pem) is cache.public(pem)


def test_what_is_no_key_is_not_kept() -> None:
    cache = KeyCache()
    for _ in range(2):
        with pytest.raises(KeyFormatError):
            cache.public("no key")


def test_private_keys_are_loaded_once_by_name() -> None:
    pem = private_key_to_pem(generate_ed25519_key())
    loads: list[str] = []

    def load() -> str:
        loads.append("load")
        return pem

    cache = KeyCache()
    first = cache.private("https://a.example/users/x#main-key", load)
    assert cache.private("https://a.example/users/x#main-key", load) is first
    assert loads == ["load"]
    cache.private("https://a.example/users/y#main-key", load)
    assert loads == ["load", "load"]


def test_the_least_recently_used_key_goes_first() -> None:
    pems = [public_key_to_pem(generate_ed25519_key().public_key()) for _ in range(3)]
    cache = KeyCache(max_public=2)
    first, second = cache.public(pems[0]), cache.public(pems[1])
    assert cache.public(pems[0]) is first
    cache.public(pems[2])
    assert cache.public(pems[0]) is first
    assert cache.public(pems[1]) is not second

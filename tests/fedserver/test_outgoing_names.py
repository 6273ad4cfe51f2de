"""Name look-ups: the host map, the cache, one flight for all who ask."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from fedserver.clock import FixedClock
from fedserver.outgoing.names import FOUND_FOR_S, MISSING_FOR_S, Names


class Book:
    """A name server that counts, and waits while it is held."""

    def __init__(self, **entries: str) -> None:
        self.entries = {name.replace("_", "."): entry for name, entry in entries.items()}
        self.asked: list[str] = []
        self.open = threading.Event()
        self.open.set()

    def __call__(self, host: str) -> tuple[str, ...]:
        self.asked.append(host)
        assert self.open.wait(10)
        if host not in self.entries:
            raise OSError("no such name")
        return (self.entries[host],)


START = datetime(2026, 11, 23, tzinfo=UTC)


async def addresses(names: Names, host: str, port: int = 443) -> list[tuple[str, int]]:
    return [(found["host"], found["port"]) for found in await names.resolve(host, port)]


async def test_an_answer_is_kept_for_a_while() -> None:
    book, clock = Book(a_example="192.0.2.1"), FixedClock(START)
    names = Names(host_map={}, clock=clock, lookup=book)
    assert await addresses(names, "a.example") == [("192.0.2.1", 443)]
    clock.move(timedelta(seconds=FOUND_FOR_S - 1))
    assert await addresses(names, "a.example", 80) == [("192.0.2.1", 80)]
    assert len(book.asked) == 1
    clock.move(timedelta(seconds=1))
    await addresses(names, "a.example")
    assert len(book.asked) == 2
    await names.close()


async def test_a_failure_is_kept_for_a_short_while() -> None:
    book, clock = Book(), FixedClock(START)
    names = Names(host_map={}, clock=clock, lookup=book)
    for _ in range(3):
        with pytest.raises(OSError, match="no such name"):
            await names.resolve("gone.example")
    assert len(book.asked) == 1
    clock.move(timedelta(seconds=MISSING_FOR_S))
    book.entries["gone.example"] = "192.0.2.9"
    assert await addresses(names, "gone.example") == [("192.0.2.9", 443)]
    await names.close()


async def test_many_who_ask_at_once_share_one_flight() -> None:
    book = Book(a_example="192.0.2.1")
    book.open.clear()
    names = Names(host_map={}, clock=FixedClock(START), lookup=book)
    waiting = [asyncio.ensure_future(names.resolve("a.example")) for _ in range(20)]
    await asyncio.sleep(0)
    waiting.pop().cancel()
    book.open.set()
    assert all(len(found) == 1 for found in await asyncio.gather(*waiting))
    assert book.asked == ["a.example"]
    await names.close()


async def test_the_host_map_goes_before_any_look_up() -> None:
    book = Book()
    names = Names(
        host_map={"Alpha.test": "127.0.0.1:8081", "beta.test:443": "[::1]:8082"},
        clock=FixedClock(START),
        lookup=book,
    )
    assert await addresses(names, "alpha.test") == [("127.0.0.1", 8081)]
    assert await addresses(names, "beta.test") == [("::1", 8082)]
    with pytest.raises(OSError, match="no such name"):
        await names.resolve("beta.test", 80)
    assert book.asked == ["beta.test"]
    await names.close()


def test_the_target_of_the_host_map_must_be_an_address() -> None:
    with pytest.raises(ValueError, match="localhost"):
        Names(host_map={"alpha.test": "localhost:8081"}, clock=FixedClock(START))

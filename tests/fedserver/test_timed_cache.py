from datetime import UTC, datetime, timedelta

from fedserver.clock import FixedClock
from fedserver.recent import Recent
from fedserver.timed_cache import TimedCache

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_values_grow_old() -> None:
    clock = FixedClock(NOW)
    cache: TimedCache[str, int] = TimedCache(clock, keep_s=30, max_entries=10)
    cache.put("a", 1)
    clock.move(timedelta(seconds=29))
    assert cache.get("a") == 1
    clock.move(timedelta(seconds=1))
    assert cache.get("a") is None


def test_the_oldest_makes_room() -> None:
    cache: TimedCache[int, int] = TimedCache(FixedClock(NOW), keep_s=30, max_entries=2)
    for number in (1, 2, 3):
        cache.put(number, number)
    assert [cache.get(number) for number in (1, 2, 3)] == [None, 2, 3]


def test_forgotten_is_forgotten() -> None:
    cache: TimedCache[str, int] = TimedCache(FixedClock(NOW), keep_s=30, max_entries=2)
    cache.put("a", 1)
    cache.forget("a")
    cache.forget("never there")
    assert cache.get("a") is None


def test_a_claim_is_due_again_after_its_time() -> None:
    clock = FixedClock(NOW)
    recent = Recent(clock)
    assert recent.claim("x", every_s=60)
    assert not recent.claim("x", every_s=60)
    assert recent.claim("y", every_s=60)
    clock.move(timedelta(seconds=60))
    assert recent.claim("x", every_s=60)

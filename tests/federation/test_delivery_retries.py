"""When a host that failed is tried again."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from fedserver.workers.retries import next_try, read_retry_after

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def pause(failures: int, retry_after: timedelta | None = None, seed: int = 0) -> timedelta:
    return next_try(failures, NOW, retry_after, random.Random(seed)) - NOW


def test_pauses_grow_to_half_a_day_and_stay_there() -> None:
    pauses = [pause(failures) for failures in range(1, 12)]
    assert timedelta(minutes=1) <= pauses[0] <= timedelta(minutes=2)
    assert all(later > earlier for earlier, later in pairwise(pauses[:6]))
    assert all(timedelta(hours=12) <= one <= timedelta(hours=15) for one in pauses[5:])


def test_hosts_that_fail_together_do_not_come_back_together() -> None:
    assert len({pause(3, seed=seed) for seed in range(20)}) == 20


def test_what_the_host_asks_for_is_the_least() -> None:
    assert pause(1, timedelta(hours=3)) == timedelta(hours=3)
    assert pause(4, timedelta(seconds=1)) >= timedelta(hours=2)


def test_a_host_cannot_put_us_off_for_years() -> None:
    assert pause(1, timedelta(days=3650)) == timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta()),
        ("Mon, 23 Nov 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Mon, 23 Nov 2026 11:00:00 GMT", timedelta()),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, expected: timedelta) -> None:
    assert read_retry_after(value, NOW) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-5",
        "1.5",
        "\u00b2",  # a digit to str.isdigit, and none to int
        "Mon, 99 Nov 2026 12:05:00 GMT",
        "Mon, 23 Nov 2026 12:05:00 +9999999999",
        "Mon, 23 Nov 99999 12:05:00 GMT",
    ],
)
def test_a_retry_after_that_makes_no_sense_is_none(value: str | None) -> None:
    assert read_retry_after(value, NOW) is None


def test_a_retry_after_of_any_length_is_read() -> None:
    assert next_try(1, NOW, read_retry_after("9" * 6_000, NOW), random.Random(0)) <= (
        NOW + timedelta(days=1)
    )

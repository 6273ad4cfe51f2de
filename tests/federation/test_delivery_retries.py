"""When a host that failed is tried again."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from fedserver.services.retry_after import read_retry_after
from fedserver.workers.retries import next_try

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def pause(
    failures: int,
    retry_after: timedelta | None = None,
    seed: int = 0,
    failing_for: timedelta = timedelta(minutes=10),
) -> timedelta:
    return next_try(failures, failing_for, NOW, retry_after, random.Random(seed)) - NOW


def test_the_first_pauses_are_short() -> None:
    pauses = [pause(failures) for failures in range(1, 4)]
    assert timedelta(minutes=1) <= pauses[0] <= timedelta(minutes=2)
    assert all(later > earlier for earlier, later in pairwise(pauses))


@pytest.mark.parametrize(
    ("failing_for", "least"),
    [
        (timedelta(hours=1), timedelta(minutes=15)),
        (timedelta(days=2), timedelta(hours=1)),
        (timedelta(days=8), timedelta(hours=3)),
        (timedelta(days=400), timedelta(hours=6)),
    ],
)
def test_later_pauses_grow_with_the_time_away(failing_for: timedelta, least: timedelta) -> None:
    for failures in (3, 50, 5_000):
        assert least <= pause(failures, failing_for=failing_for) <= least * 1.2


def test_a_host_is_never_asked_more_than_once_in_a_quarter_of_an_hour_after_its_first_pauses() -> (
    None
):
    away, tries = timedelta(), []
    for failures in range(1, 300):
        gap = pause(failures, seed=failures, failing_for=away)
        away += gap
        tries.append(gap)
    assert min(tries[2:]) >= timedelta(minutes=15)
    assert away > timedelta(days=7)


def test_hosts_that_fail_together_do_not_come_back_together() -> None:
    assert len({pause(3, seed=seed) for seed in range(20)}) == 20


def test_what_the_host_asks_for_is_the_least() -> None:
    assert pause(1, timedelta(hours=3)) == timedelta(hours=3)
    assert pause(4, timedelta(seconds=1)) >= timedelta(minutes=15)


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
    assert pause(1, read_retry_after("9" * 6_000, NOW)) <= timedelta(days=1)

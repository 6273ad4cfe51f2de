"""Local ids: their order, their time, and how they are read back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedserver.clock import FixedClock
from fedserver.ids import MAX_ID, IdMaker, parse_id, time_of

NOW = datetime(2026, 11, 23, 10, 1, 2, 345_000, tzinfo=UTC)
MS = timedelta(milliseconds=1)


def test_ids_grow_within_one_millisecond_and_beyond_its_room() -> None:
    maker = IdMaker(FixedClock(NOW), node=63)
    ids = [maker.new() for _ in range(5_000)]
    assert ids == sorted(set(ids))
    assert time_of(ids[0]) == NOW
    assert NOW < time_of(ids[-1]) <= NOW + 5 * MS


def test_ids_grow_when_the_clock_is_set_back() -> None:
    clock = FixedClock(NOW)
    maker = IdMaker(clock)
    before = maker.new()
    clock.set(NOW - timedelta(hours=2))
    after = maker.new()
    assert after > before
    assert time_of(after) - NOW <= MS


def test_later_ids_are_greater_on_every_node() -> None:
    early, late = FixedClock(NOW), FixedClock(NOW + MS)
    assert IdMaker(early, node=63).new() < IdMaker(late, node=0).new()


def test_nodes_never_give_the_same_id() -> None:
    clock = FixedClock(NOW)
    left, right = IdMaker(clock, node=1), IdMaker(clock, node=2)
    assert {left.new() for _ in range(500)}.isdisjoint(right.new() for _ in range(500))


@pytest.mark.parametrize("node", [-1, 64])
def test_a_node_out_of_range_is_an_error(node: int) -> None:
    with pytest.raises(ValueError, match="0 to 63"):
        IdMaker(FixedClock(NOW), node=node)


def test_a_remote_note_takes_the_time_it_was_published() -> None:
    published = datetime(2024, 2, 29, 12, 0, 0, 123_000, tzinfo=UTC)
    assert time_of(IdMaker(FixedClock(NOW)).at(published)) == published


def test_notes_of_the_same_second_rarely_collide() -> None:
    maker = IdMaker(FixedClock(NOW))
    published = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)
    ids = [maker.at(published) for _ in range(100)]
    assert len(set(ids)) > 97
    assert all(published <= time_of(id) < published + timedelta(seconds=1) for id in ids)


def test_a_note_from_the_future_is_dated_now() -> None:
    maker = IdMaker(FixedClock(NOW))
    assert time_of(maker.at(NOW + timedelta(days=400))) == NOW
    this_second = NOW.replace(microsecond=0)
    assert all(time_of(maker.at(this_second)) <= NOW for _ in range(200))


@pytest.mark.parametrize("year", [1, 1969, 1970])
def test_ancient_notes_have_positive_ids(year: int) -> None:
    id = IdMaker(FixedClock(NOW)).at(datetime(year, 1, 1, tzinfo=UTC))
    assert id > 0
    assert time_of(id).year == 1970


def test_the_last_possible_moment_still_fits() -> None:
    last = datetime(6429, 1, 1, tzinfo=UTC)
    assert IdMaker(FixedClock(last)).new() <= MAX_ID


@given(st.integers(min_value=0, max_value=MAX_ID))
def test_every_id_reads_back(id: int) -> None:
    assert parse_id(str(id)) == id


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", " 1", "1\n", "1_0", "0x1", "١", "1.0", str(MAX_ID + 1), "9" * 19, "1" * 20],
)
def test_everything_else_is_no_id(text: str) -> None:
    assert parse_id(text) is None


def test_an_answer_of_the_same_second_sorts_behind_what_it_answers() -> None:
    clock = FixedClock(NOW)
    maker = IdMaker(clock)
    asked = maker.new()
    clock.set(NOW + timedelta(milliseconds=500))
    answers = [maker.at(NOW.replace(microsecond=0), after=asked) for _ in range(200)]
    assert all(asked < answer for answer in answers)
    assert all(NOW <= time_of(answer) <= NOW + timedelta(milliseconds=500) for answer in answers)


def test_an_answer_dated_before_what_it_answers_keeps_its_date() -> None:
    maker = IdMaker(FixedClock(NOW))
    earlier = NOW - timedelta(hours=1)
    assert time_of(maker.at(earlier, after=maker.new())) < earlier + timedelta(seconds=1)

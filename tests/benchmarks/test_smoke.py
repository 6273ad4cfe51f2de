"""The benchmarks run and give figures. How large these are is no matter of a test."""

import math
from pathlib import Path

import pytest

from benchmarks.growth import PAGES, measure_at, tables, write_report
from benchmarks.measurements import MEASUREMENTS
from benchmarks.report import as_json, table
from benchmarks.run import Plan, run
from benchmarks.samples import Aim, Row, Sample
from benchmarks.scene import TINY
from benchmarks.starting import IDLE_CPU, QUIET_ROWS
from benchmarks.streams import measure


@pytest.mark.slow
async def test_every_measurement_gives_figures_for_both_servers() -> None:
    told: list[str] = []

    rows = await run(Plan(TINY, rounds=1), told.append)

    assert [row.name for row in rows] == [one.name for one in (*MEASUREMENTS, *QUIET_ROWS)]
    for row in rows:
        for sample in (*row.roofline, *row.fedserver):
            assert math.isfinite(sample.cost), row.name
            assert sample.cost > 0 or row.name == IDLE_CPU.name, row.name
        assert len(row.roofline) == len(row.fedserver) == 1, row.name
    for row in rows[: len(MEASUREMENTS)]:
        sample = row.fedserver[0]
        assert sample.per_second is not None
        assert sample.per_second > 0
        assert sample.p50_ms is not None
        assert sample.p99_ms is not None
        assert 0 < sample.p50_ms <= sample.p99_ms, row.name
    assert told


@pytest.mark.slow
async def test_listeners_are_told_of_each_post() -> None:
    figures = await measure(listeners=3, posts=2)

    assert len(figures.delays_s) == 6
    assert figures.server_ms > 0


@pytest.mark.slow
async def test_every_page_is_measured_beside_a_bare_one(tmp_path: Path) -> None:
    found = await measure_at(500, seconds=0.1, rounds=1)

    assert len(found) == 2 * len(PAGES)
    for one in found:
        assert one.ratio > 0, one.page
        assert one.queries > 0, one.page
        assert 0 < one.p50_ms <= one.p99_ms, one.page
    report = tmp_path / "page.md"
    report.write_text("before <!-- growth: begin -->old<!-- growth: end --> after")
    write_report(tables(found), report)
    assert report.read_text().startswith("before <!-- growth: begin -->")
    assert "old" not in report.read_text()
    assert report.read_text().endswith("<!-- growth: end --> after")


def test_ratio_is_the_median_of_the_rounds() -> None:
    row = _row([1.0, 2.0, 1.0], [2.0, 2.0, 10.0])

    assert row.ratio == 2.0


def test_table_says_which_aims_are_missed() -> None:
    lines = table([_row([1.0], [1.5]), _row([1.0], [2.5])]).splitlines()

    assert "yes" in lines[2]
    assert "NO" in lines[3]


def test_json_has_every_sample() -> None:
    written = as_json([_row([1.0, 3.0], [2.0, 2.0])], rounds=2)

    assert [one["cost"] for one in written["rows"][0]["roofline"]] == [1.0, 3.0]


def _row(roofline: list[float], fedserver: list[float]) -> Row:
    samples = [[Sample(cost) for cost in costs] for costs in (roofline, fedserver)]
    return Row("row", "a row", "ms", Aim(ratio=2.0), samples[0], samples[1])

"""The table and the JSON of a run."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.samples import Row, Sample, median_of

_HEADER = (
    "operation",
    "unit",
    "roofline",
    "fedserver",
    "of it db",
    "ratio",
    "aim",
    "",
    "ops/s roofl.",
    "fedserver",
    "p50 ms",
    "p99 ms",
)
_NOTES = """\
ms: CPU of the whole process tree for one operation; "of it db" is PostgreSQL's part of fedserver's.
Medians over the rounds; the ratio is the median of each round's ratio. p50 and p99 are fedserver's:
of answers, of arrivals since the first POST (delivery), of the delay from accepted to processed
(accepted to visible).
An aim with × is one for the ratio, without it for fedserver's own figure."""


def table(rows: Sequence[Row]) -> str:
    """Give the table as text."""
    lines = [_HEADER, *(_line(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADER))]
    shown = [_joined(line, widths) for line in lines]
    return "\n".join([shown[0], "-" * len(shown[0]), *shown[1:], "", _NOTES])


def as_json(rows: Sequence[Row], rounds: int) -> dict[str, Any]:
    """Give every sample of every round."""
    return {"rounds": rounds, "rows": [{**asdict(row), "ratio": row.ratio} for row in rows]}


def _joined(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = [line[0].ljust(widths[0]), line[1].ljust(widths[1])]
    cells += [cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)]
    return "  ".join(cells).rstrip()


def _line(row: Row) -> tuple[str, ...]:
    cost = median_of(row.fedserver, "cost")
    reached = row.aim.reached(row.ratio, cost)
    return (
        row.title,
        row.unit,
        _number(median_of(row.roofline, "cost")),
        _number(cost),
        _number(median_of(row.fedserver, "database_cost")),
        _number(row.ratio),
        str(row.aim),
        "" if reached is None else ("yes" if reached else "NO"),
        _rate(row.roofline),
        _rate(row.fedserver),
        _number(median_of(row.fedserver, "p50_ms")),
        _number(median_of(row.fedserver, "p99_ms")),
    )


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2f}"


def _rate(samples: Sequence[Sample]) -> str:
    value = median_of(samples, "per_second")
    return "-" if value is None else f"{value:,.0f}"

"""What a measurement gives, and what is made of several rounds of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement of one server.

    `cost` is what is compared: for jobs the CPU milliseconds that each takes in the whole process
    tree, `database_cost` of them in PostgreSQL. The rest is wall time. None: it means nothing here.
    """

    cost: float
    database_cost: float | None = None
    per_second: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Aim:
    """What a row should reach: a ratio to the roofline, or a cost of its own."""

    ratio: float | None = None
    cost: float | None = None

    def __str__(self) -> str:
        if self.ratio is not None:
            return f"≤ {self.ratio:g} ×"
        return "" if self.cost is None else f"≤ {self.cost:g}"

    def reached(self, ratio: float | None, cost: float | None) -> bool | None:
        """Say whether it is reached; None where there is no aim or nothing was measured."""
        for wanted, found in ((self.ratio, ratio), (self.cost, cost)):
            if wanted is not None:
                return None if found is None else found <= wanted
        return None


@dataclass(slots=True)
class Row:
    """A row of the table: its samples, round by round."""

    name: str
    title: str
    unit: str
    aim: Aim
    roofline: list[Sample]
    fedserver: list[Sample]

    @property
    def ratio(self) -> float | None:
        """The median of the ratios of each round."""
        pairs = zip(self.roofline, self.fedserver, strict=False)
        ratios = [theirs.cost / least.cost for least, theirs in pairs if least.cost > 0]
        return median(ratios) if ratios else None


def percentile(values: Sequence[float], part: float) -> float:
    """Give the value below which `part` (0 to 1) of `values` lie."""
    return sorted(values)[min(int(len(values) * part), len(values) - 1)]


def median_of(samples: Sequence[Sample], field: str) -> float | None:
    """Give the median over the rounds, None where it was not measured."""
    values = [getattr(sample, field) for sample in samples]
    known = [value for value in values if value is not None]
    return median(known) if known else None

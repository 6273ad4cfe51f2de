"""How much of a list of API endpoints this server answers.

The list is a table separated by tabs with a header line; its columns `method`, `path` (with
`:placeholders`), `status` and `tier` are used. Streams are rows of the method WS. What the API
itself has removed does not count; what it calls deprecated does, since clients still call it.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fedserver.errors import StartError

_COLUMNS = {"method", "path", "status", "tier"}
_PLACEHOLDER = re.compile(r"\{[^/]+\}|:[A-Za-z_]+")


@dataclass(frozen=True, slots=True)
class TierCoverage:
    """One tier: how many endpoints it has, those without a route here ("GET /path"), those whose
    route answers an empty list whatever happens; how many of all are streams, and deprecated."""

    tier: str
    total: int
    missing: tuple[str, ...]
    empty: tuple[str, ...] = ()
    streams: int = 0
    deprecated: int = 0

    def __str__(self) -> str:
        kinds = ((self.streams, "streams"), (self.deprecated, "deprecated"))
        told = ", ".join(f"{count} {kind}" for count, kind in kinds if count)
        text = f"tier {self.tier}: {self.answered} of {self.total}"
        return f"{text} (of these {told})" if told else text

    @property
    def answered(self) -> int:
        return self.total - len(self.missing) - len(self.empty)


def coverage(
    list_file: Path,
    served: Iterable[tuple[str, str]],
    always_empty: Iterable[tuple[str, str]] = (),
) -> list[TierCoverage]:
    """Compare `list_file` with the `(method, path)` pairs that are served, tier by tier.
    `always_empty` are those of them that do not count.

    Raises StartError when the file is no such list.
    """
    have = {(method, _shape(path)) for method, path in served}
    empty = {(method, _shape(path)) for method, path in always_empty}
    tiers: dict[str, list[dict[str, str]]] = {}
    for row in _rows(list_file):
        tiers.setdefault(row["tier"], []).append(row)
    return [
        TierCoverage(
            tier,
            len(rows),
            missing=tuple(_name(row) for row in rows if _route(row) not in have),
            empty=tuple(_name(row) for row in rows if _route(row) in empty),
            streams=sum(row["method"] == "WS" for row in rows),
            deprecated=sum(row["status"] == "deprecated" for row in rows),
        )
        for tier, rows in sorted(tiers.items())
    ]


def _name(row: dict[str, str]) -> str:
    return f"{row['method']} {row['path']}"


def _route(row: dict[str, str]) -> tuple[str, str]:
    return row["method"], _shape(row["path"])


def _shape(path: str) -> str:
    return _PLACEHOLDER.sub("*", path)


def _rows(list_file: Path) -> list[dict[str, str]]:
    try:
        with list_file.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t")
            if not set(reader.fieldnames or ()) >= _COLUMNS:
                wanted = ", ".join(sorted(_COLUMNS))
                raise StartError(f"{list_file} needs a header line with the columns {wanted}")
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(f"{list_file} cannot be read: {error}") from error
    return [row for row in rows if row["status"] != "removed"]

"""How much of a list of API endpoints this server answers.

The list is a table separated by tabs with a header line; its columns `method`, `path` (with
`:placeholders`), `status` and `tier` are used. Rows that no HTTP route can answer (streams, and
what the API itself has removed) do not count.
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
    """One tier: how many endpoints it has, those without a route here ("GET /path"), and those
    whose route answers an empty list whatever happens."""

    tier: str
    total: int
    missing: tuple[str, ...]
    empty: tuple[str, ...] = ()

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
    tiers: dict[str, list[tuple[str, tuple[str, str]]]] = {}
    for row in _rows(list_file):
        route = (row["method"], _shape(row["path"]))
        tiers.setdefault(row["tier"], []).append((f"{row['method']} {row['path']}", route))
    return [
        TierCoverage(
            tier,
            len(rows),
            missing=tuple(name for name, route in rows if route not in have),
            empty=tuple(name for name, route in rows if route in empty),
        )
        for tier, rows in sorted(tiers.items())
    ]


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
    return [row for row in rows if row["method"] != "WS" and row["status"] != "removed"]

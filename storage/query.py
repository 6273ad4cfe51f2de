"""SQL in named constants, each beside the type of its rows.

A test prepares every constant against the migrated schema and compares names and types, so a
query that no longer fits its struct fails before it runs.
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Query(Generic[Row]):
    """A statement whose rows become `row(*columns)`, in the order of the select list."""

    sql: str
    row: type[Row]


@dataclass(frozen=True, slots=True)
class Value(Generic[Row]):
    """A statement that gives one column: a value or a list of them."""

    sql: str
    type: type[Row]


@dataclass(frozen=True, slots=True)
class Command:
    """A statement that gives no rows; it answers how many it touched."""

    sql: str

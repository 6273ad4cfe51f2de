"""Every SQL constant fits the migrated schema, and every row type fits its columns."""

import importlib
import pkgutil
import types
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any, Union, get_args, get_origin, get_type_hints

import asyncpg
import pytest

import storage
from storage.database import LONGEST_STATEMENT
from storage.paging import Paged
from storage.query import Command, Query, Value

PYTHON_TYPES: dict[str, tuple[Any, ...]] = {
    "int2": (int,),
    "int4": (int,),
    "int8": (int,),
    "text": (str,),
    "bool": (bool,),
    "float8": (float,),
    "numeric": (float,),
    "bytea": (bytes,),
    "timestamptz": (datetime,),
    "date": (date,),
    "jsonb": (dict, list, object),
    "json": (dict, list, object),
}


def statements() -> list[tuple[str, Query[Any] | Value[Any] | Command]]:
    found: list[tuple[str, Query[Any] | Value[Any] | Command]] = []
    for module_info in pkgutil.iter_modules(storage.__path__):
        module = importlib.import_module(f"storage.{module_info.name}")
        for name, value in vars(module).items():
            label = f"{module_info.name}.{name}"
            if isinstance(value, Paged):
                found += [(f"{label}.downward", value.downward), (f"{label}.upward", value.upward)]
            elif isinstance(value, Query | Value | Command):
                found.append((label, value))
    return found


ALL = statements()


def test_there_are_statements() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize(("label", "statement"), ALL, ids=[label for label, _ in ALL])
async def test_statement_fits_the_schema(
    label: str, statement: Query[Any] | Value[Any] | Command, raw_connection: asyncpg.Connection
) -> None:
    assert len(statement.sql.encode()) < LONGEST_STATEMENT
    prepared = await raw_connection.prepare(statement.sql)
    columns = prepared.get_attributes()
    if isinstance(statement, Query):
        check_row(statement.row, columns)
    elif isinstance(statement, Value):
        assert len(columns) == 1, "a Value has one column"
        check_type(label, statement.type, columns[0].type.name)


def check_row(row: type, columns: tuple[Any, ...]) -> None:
    assert is_dataclass(row) or hasattr(row, "__struct_fields__") or issubclass(row, tuple)
    names = field_names(row)
    assert [column.name for column in columns] == names
    hints = get_type_hints(row)
    for column in columns:
        check_type(column.name, hints[column.name], column.type.name)


def field_names(row: type) -> list[str]:
    if is_dataclass(row):
        return [one.name for one in fields(row)]
    return list(getattr(row, "__struct_fields__", None) or getattr(row, "_fields", ()))


def check_type(label: str, hint: Any, sql_type: str) -> None:
    if hint is Any or hint is object:
        return
    choices = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    wanted = {get_origin(choice) or choice for choice in choices} - {type(None)}
    if sql_type.endswith("[]") or sql_type.startswith("_"):
        assert wanted <= {list, tuple}, f"{label}: {sql_type} is a list"
        return
    allowed = PYTHON_TYPES.get(sql_type)
    assert allowed is not None, f"{label}: no Python type is set down for {sql_type}"
    assert wanted <= set(allowed), f"{label}: {sql_type} is not {hint}"

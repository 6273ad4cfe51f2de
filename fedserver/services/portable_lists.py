"""The files in which people take follows, blocks, mutes, lists, bookmarks and domains along.

The form is Mastodon's (CSV), so that files go both ways between servers.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, get_args

from fedserver.context import Context
from fedserver.errors import Invalid
from storage.database import Transaction
from storage.imports import (
    EXPORT_BLOCKS,
    EXPORT_BOOKMARKS,
    EXPORT_DOMAIN_BLOCKS,
    EXPORT_FOLLOWS,
    EXPORT_LISTS,
    EXPORT_MUTES,
    INSERT_IMPORT,
    INSERT_IMPORT_ROWS,
    UNFINISHED_IMPORTS,
    ExportRow,
)
from storage.query import Query

Kind = Literal["follows", "blocks", "mutes", "lists", "bookmarks", "domain_blocks"]
Entry = dict[str, Any]

MAX_LINES: Final = 20_000
MAX_UNFINISHED: Final = 2 * len(get_args(Kind))  # an archive brings one of each kind
_MAX_FIELD_CHARS: Final = 2_000
_EXPORTS: Final[dict[str, Query[ExportRow]]] = {
    "follows": EXPORT_FOLLOWS,
    "blocks": EXPORT_BLOCKS,
    "mutes": EXPORT_MUTES,
    "lists": EXPORT_LISTS,
    "bookmarks": EXPORT_BOOKMARKS,
    "domain_blocks": EXPORT_DOMAIN_BLOCKS,
}
# Mastodon writes a heading into two of the files; it reads all of _FIRST_COLUMNS.
_HEADINGS: Final[dict[str, tuple[str, ...]]] = {
    "follows": ("Account address", "Show boosts", "Notify on new posts", "Languages"),
    "mutes": ("Account address", "Hide notifications"),
}
_FIRST_COLUMNS: Final = frozenset({"account address", "uri", "domain", "list name"})


async def export(ctx: Context, account_id: int, kind: Kind) -> str:
    """Give the file of a kind: CSV as Mastodon writes it."""
    rows = await ctx.db.fetch(_EXPORTS[kind], account_id, ctx.config.instance.domain)
    heading = [_HEADINGS[kind]] if kind in _HEADINGS else []
    return as_csv([*heading, *((row.name, *row.more) for row in rows)])


def as_csv(lines: Iterable[Sequence[str]]) -> str:
    """Write lines of a file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


async def begin_import(
    ctx: Context, account_id: int, kind: Kind, text: str, *, overwrite: bool
) -> int:
    """Keep the lines of a file for the worker; with `overwrite` what is not in it goes.

    Gives the import's id. Raises Invalid for a file that cannot be read, or is too long.
    """
    entries = read_entries(kind, text)
    if not entries:
        raise Invalid("Validation failed: The file has no line that can be imported")
    if (await ctx.db.value(UNFINISHED_IMPORTS, account_id) or 0) >= MAX_UNFINISHED:
        raise Invalid("Validation failed: Other imports are not finished yet")
    if overwrite:
        entries = [*await _surplus(ctx, account_id, kind, entries), *entries]
    async with ctx.db.transaction() as tx:
        return await _store(ctx, tx, account_id, kind, entries, overwrite=overwrite)


async def _store(
    ctx: Context,
    tx: Transaction,
    account_id: int,
    kind: Kind,
    entries: list[Entry],
    *,
    overwrite: bool,
) -> int:
    import_id, now = ctx.ids.new(), ctx.clock.now()
    await tx.execute(INSERT_IMPORT, import_id, account_id, kind, overwrite, now)
    ids = [ctx.ids.new() for _ in entries]
    await tx.execute(INSERT_IMPORT_ROWS, import_id, ids, entries, now)
    return import_id


async def _surplus(ctx: Context, account_id: int, kind: Kind, entries: list[Entry]) -> list[Entry]:
    """Give what is here and not in the file, to be removed."""
    kept = {_key(kind, entry) for entry in entries}
    here = read_entries(kind, await export(ctx, account_id, kind))
    return [entry | {"remove": True} for entry in here if _key(kind, entry) not in kept]


def _key(kind: Kind, entry: Entry) -> tuple[str, str]:
    name = str(entry["name"])
    return str(entry.get("list", "")), name if kind == "bookmarks" else name.lower()


def read_entries(kind: Kind, text: str) -> list[Entry]:
    """Read the lines of a file; blank ones and headings are left out. Raises Invalid."""
    try:
        lines = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    except csv.Error as error:
        raise Invalid(f"Validation failed: The file cannot be read: {error}") from error
    filled = [[field.strip() for field in line] for line in lines if any(map(str.strip, line))]
    if len(filled) > MAX_LINES:
        raise Invalid(f"Validation failed: The file has more than {MAX_LINES} lines")
    if any(len(field) > _MAX_FIELD_CHARS for line in filled for field in line):
        raise Invalid("Validation failed: A line of the file is too long")
    columns: list[str] = []
    if filled and filled[0][0].lstrip("#").strip().lower() in _FIRST_COLUMNS:
        columns = [name.lower() for name in filled.pop(0)]
    return [_entry(kind, line, columns) for line in filled if _usable(kind, line)]


def _usable(kind: Kind, line: list[str]) -> bool:
    return bool(line[0]) and (kind != "lists" or len(line) > 1)


def _entry(kind: Kind, line: list[str], columns: list[str]) -> Entry:
    if kind == "lists":
        return {"list": line[0], "name": line[1].lstrip("@")}
    if kind == "bookmarks":
        return {"name": line[0]}
    if kind == "domain_blocks":
        return {"name": line[0].lower()}
    named = dict(zip(columns or _defaults(kind), line, strict=False))
    entry: Entry = {"name": line[0].lstrip("@")}
    if kind == "follows":
        entry["reblogs"] = _is_true(named.get("show boosts", "true"))
        entry["notify"] = _is_true(named.get("notify on new posts", "false"))
        languages = named.get("languages", "").split(",")
        entry["languages"] = [one.strip() for one in languages if one.strip()]
    if kind == "mutes":
        entry["notifications"] = _is_true(named.get("hide notifications", "true"))
    return entry


def _defaults(kind: Kind) -> list[str]:
    return [name.lower() for name in _HEADINGS.get(kind, ())]


def _is_true(text: str) -> bool:
    return text.strip().lower() in ("true", "t", "1", "yes")

"""The logical minimum as one text, and back: JSON lines that any later version reads."""

from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any

import msgspec

from fedserver.context import Context
from storage.vault_minimum import AS_IT_WAS, PARTS, insert_rows

PART_BYTES = 16 * 1024 * 1024
_ROWS_AT_ONCE = 1_000


async def minimum_parts(ctx: Context) -> AsyncIterator[bytes]:
    """Give the minimum in pieces that end with a line."""
    for query in PARTS:
        pieces: list[bytes] = []

        async def write(piece: bytes, pieces: list[bytes] = pieces) -> None:
            pieces.append(piece)

        async with ctx.db.connection() as connection:
            await connection.lines(query, write)
        text = b"".join(pieces)
        while text:
            cut = text.rfind(b"\n", 0, PART_BYTES) + 1 or len(text)
            yield text[:cut]
            text = text[cut:]


class _Line(msgspec.Struct):
    table: str
    row: dict[str, Any]


async def import_minimum(ctx: Context, text: bytes) -> dict[str, int]:
    """Put the rows of a minimum into the database of a new instance; gives how many of each
    table."""
    counts: dict[str, int] = {}
    lines = (msgspec.json.decode(line, type=_Line) for line in text.splitlines() if line)
    async with ctx.db.transaction() as tx:
        await tx.execute(AS_IT_WAS)
        for table, group in groupby(lines, key=lambda one: one.table):
            rows = [one.row for one in group]
            for at in range(0, len(rows), _ROWS_AT_ONCE):
                done = await insert_rows(tx, table, rows[at : at + _ROWS_AT_ONCE])
                counts[table] = counts.get(table, 0) + done
    return counts

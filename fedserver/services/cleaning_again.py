"""Cleans what peers' texts earlier rules let pass, in batches, when the rules have changed.

What is cleaned again is the clean text that is stored: the rules can narrow what it holds, never
bring back what they once removed. Where they widen, a post follows with its next Update.
"""

import asyncio
import html as entities
from dataclasses import replace
from typing import Any

from fedserver.context import Context
from fedserver.services.text_in import clean_field_value, clean_html, clean_plain
from storage.cleaning import (
    DESCRIBED_MEDIA_OF,
    EDITS_OF,
    POLLS_OF,
    PUT_CLEAN_ACCOUNTS,
    PUT_CLEAN_DESCRIPTIONS,
    PUT_CLEAN_EDITS,
    PUT_CLEAN_POLLS,
    PUT_CLEAN_STATUSES,
    STALE_ACCOUNTS,
    STALE_STATUSES,
    StaleAccountRow,
    StaleEditRow,
    StaleStatusRow,
)
from storage.database import Transaction

BATCH = 200
MAX_BATCHES = 250
MAX_SPOILER_CHARS = 2_000
MAX_DISPLAY_NAME_CHARS = 500
MAX_FIELD_NAME_CHARS = 255
MAX_OPTION_CHARS = 500
MAX_DESCRIPTION_CHARS = 10_000


async def clean_again(ctx: Context, *, batch: int = BATCH, batches: int = MAX_BATCHES) -> int:
    """Clean up to `batch` times `batches` rows of each kind; give how many there were."""
    cleaned = 0
    for clean_batch in (_statuses, _accounts):
        for _ in range(batches):
            found = await clean_batch(ctx, batch)
            cleaned += found
            if found < batch:
                break
    return cleaned


async def _statuses(ctx: Context, batch: int) -> int:
    rows = await ctx.db.fetch(STALE_STATUSES, batch)
    ids = [row.id for row in rows]
    edits = await ctx.db.fetch(EDITS_OF, ids)
    clean = await asyncio.to_thread(_clean_texts, rows)
    clean_edits = await asyncio.to_thread(_clean_texts, edits)
    async with ctx.db.transaction() as tx:
        await _clean_parts(tx, ids)
        await tx.execute(PUT_CLEAN_STATUSES, *_columns(clean))
        await tx.execute(PUT_CLEAN_EDITS, *_columns(clean_edits))
    return len(rows)


async def _clean_parts(tx: Transaction, status_ids: list[int]) -> None:
    """Clean the choices of polls and the descriptions of media."""
    polls = await tx.fetch(POLLS_OF, status_ids)
    media = await tx.fetch(DESCRIBED_MEDIA_OF, status_ids)
    options = [[_clean_line(one, MAX_OPTION_CHARS) for one in poll.options] for poll in polls]
    described = [_clean_line(one.description, MAX_DESCRIPTION_CHARS) for one in media]
    await tx.execute(PUT_CLEAN_POLLS, [poll.id for poll in polls], options)
    await tx.execute(PUT_CLEAN_DESCRIPTIONS, [one.id for one in media], described)


async def _accounts(ctx: Context, batch: int) -> int:
    rows = await ctx.db.fetch(STALE_ACCOUNTS, batch)
    clean = await asyncio.to_thread(lambda: [_clean_account(row) for row in rows])
    await ctx.db.execute(
        PUT_CLEAN_ACCOUNTS,
        [row.id for row in clean],
        [row.display_name for row in clean],
        [row.note for row in clean],
        [row.fields for row in clean],
    )
    return len(rows)


Texts = StaleStatusRow | StaleEditRow


def _clean_texts(rows: list[StaleStatusRow] | list[StaleEditRow]) -> list[Texts]:
    return [
        replace(
            row,
            content=clean_html(row.content),
            spoiler_text=_clean_line(row.spoiler_text, MAX_SPOILER_CHARS),
        )
        for row in rows
    ]


def _columns(rows: list[Texts]) -> tuple[list[int], list[str], list[str]]:
    return (
        [row.id for row in rows],
        [row.content for row in rows],
        [row.spoiler_text for row in rows],
    )


def _clean_account(row: StaleAccountRow) -> StaleAccountRow:
    return replace(
        row,
        display_name=_clean_line(row.display_name, MAX_DISPLAY_NAME_CHARS),
        note=clean_html(row.note),
        fields=[_clean_field(field) for field in row.fields],
    )


def _clean_field(field: dict[str, Any]) -> dict[str, Any]:
    return field | {
        "name": _clean_line(str(field.get("name", "")), MAX_FIELD_NAME_CHARS),
        "value": clean_field_value(str(field.get("value", ""))),
    }


def _clean_line(line: str, max_chars: int) -> str:
    """Clean a line that is text already: an entity in it is what somebody wrote."""
    return clean_plain(entities.escape(line, quote=False), max_chars)

"""StatusEdit, StatusSource, and the Status that a deletion answers with."""

from collections.abc import Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.accounts import account
from fedserver.entities.emojis import stored_emojis
from fedserver.entities.media import stored_media
from fedserver.entities.statuses import status
from fedserver.entities.times import timestamp
from fedserver.uris import Uris
from storage.status_reads import EditRow
from storage.statuses import StatusRow

Json = dict[str, Any]


async def status_edits(ctx: Context, account_id: int, history: Sequence[EditRow]) -> list[Json]:
    """Give the StatusEdits of a status by `account_id`, oldest first (Mastodon API: StatusEdit)."""
    author = await account(ctx, account_id)
    uris = ctx.uris
    return [_edit(uris, author, row) for row in history]


def _edit(uris: Uris, author: orjson.Fragment, row: EditRow) -> Json:
    options = row.poll_options
    return {
        "content": row.content,
        "spoiler_text": row.spoiler_text,
        "sensitive": row.sensitive,
        "created_at": timestamp(row.created_at),
        "account": author,
        "poll": None if options is None else {"options": [{"title": one} for one in options]},
        "media_attachments": [stored_media(uris, one) for one in row.media],
        "emojis": stored_emojis(uris, row.emojis),
        "quote": None,
    }


def status_source(row: StatusRow, text: str) -> Json:
    """Give the `text` that the author typed (Mastodon API: StatusSource)."""
    return {"id": str(row.id), "text": text, "spoiler_text": row.spoiler_text}


async def status_with_text(ctx: Context, row: StatusRow, viewer: int | None) -> orjson.Fragment:
    """Give a Status with `text`, what its author typed: the answer to a deletion, made before it
    (Mastodon API: statuses#delete)."""
    shown = await status(ctx, row.id, viewer)
    text = orjson.dumps({"text": row.source})
    return orjson.Fragment(orjson.dumps(shown)[:-1] + b"," + text[1:])

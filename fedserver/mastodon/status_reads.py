"""Reading statuses (Mastodon API: statuses)."""

import msgspec

from fedserver.context import Context
from fedserver.effects import ask_for_thread
from fedserver.entities import (
    context,
    status,
    status_edits,
    status_source,
    statuses,
)
from fedserver.errors import NotFound
from fedserver.mastodon.async_refreshes import refresh_header
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Id, Params, Reply, endpoint
from fedserver.services.text_in import html_to_text
from storage.status_reads import STATUS_HISTORY, THREAD
from storage.statuses import VISIBLE_STATUS, StatusRow

_MAX_MANY = 20
_MOST_ANCESTORS, _MOST_DESCENDANTS, _DEEPEST = 4_096, 4_096, 4_096
_PUBLIC_ANCESTORS, _PUBLIC_DESCENDANTS, _PUBLIC_DEPTH = 40, 60, 20


async def visible_status(ctx: Context, status_id: int, viewer: int | None) -> StatusRow:
    """Give the status. Raises NotFound where there is none that `viewer` may see."""
    row = await ctx.db.one(VISIBLE_STATUS, status_id, viewer)
    if row is None:
        raise NotFound("Record not found")
    return row


class ManyParams(Params, frozen=True, kw_only=True):
    """Which ones."""

    id: list[Id] = msgspec.field(default_factory=list)


@endpoint("GET", "/api/v1/statuses", scope="read:statuses")
async def show_many(ctx: Context, caller: Caller | None, params: ManyParams) -> JSON:
    """Show several statuses; those that do not exist or are hidden are left out.

    Mastodon API: statuses#index.
    """
    ids = list(dict.fromkeys(params.id))[:_MAX_MANY]
    return await statuses(ctx, ids, viewer_of(caller))


@endpoint("GET", "/api/v1/statuses/{id}", scope="read:statuses")
async def show(ctx: Context, caller: Caller | None, id: int) -> JSON:
    """Show a status. 404 if the caller may not see it.

    Mastodon API: statuses#get.
    """
    return await status(ctx, id, viewer_of(caller))


@endpoint("GET", "/api/v1/statuses/{id}/context", scope="read:statuses")
async def show_context(ctx: Context, caller: Caller | None, id: int) -> Reply:
    """Show what a status answers, and the answers to it.

    Where more is being fetched, the header Mastodon-Async-Refresh says so.
    Mastodon API: statuses#context.
    """
    viewer = viewer_of(caller)
    row = await visible_status(ctx, id, viewer)
    if viewer is not None:
        await ask_for_thread(ctx, row.thread_id, row.id, soon=True)
    limits = (
        (_PUBLIC_ANCESTORS, _PUBLIC_DESCENDANTS, _PUBLIC_DEPTH)
        if viewer is None
        else (_MOST_ANCESTORS, _MOST_DESCENDANTS, _DEEPEST)
    )
    shown = await context(ctx, await ctx.db.fetch(THREAD, id, *limits, viewer), viewer)
    waiting = {} if viewer is None else await refresh_header(ctx, row.thread_id)
    return Reply(shown, headers=waiting)


@endpoint("GET", "/api/v1/statuses/{id}/history", scope="read:statuses")
async def history(ctx: Context, caller: Caller | None, id: int) -> JSON:
    """Show all versions of a status, the oldest first.

    Mastodon API: statuses#history.
    """
    row = await visible_status(ctx, id, viewer_of(caller))
    return await status_edits(ctx, row.account_id, await ctx.db.fetch(STATUS_HISTORY, id))


@endpoint("GET", "/api/v1/statuses/{id}/source", scope="read:statuses")
async def source(ctx: Context, caller: Caller, id: int) -> JSON:
    """Show what was typed, for an edit.

    Mastodon API: statuses#source.
    """
    row = await visible_status(ctx, id, caller.account_id)
    return status_source(row, row.source or html_to_text(row.content))

"""Conversations of direct posts (Mastodon API: conversations)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Caller, Page, PageParams, endpoint
from storage.conversations import CONVERSATIONS, DELETE_CONVERSATION, MARK_CONVERSATION
from storage.paging import edges, fetch_page


@endpoint("GET", "/api/v1/conversations", scope="read:statuses")
async def conversations(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the caller's conversations, those with the newest posts first.

    Mastodon API: conversations#get. Pages go by the last status.
    """
    cursor = params.cursor()
    rows = await fetch_page(ctx.db, CONVERSATIONS, cursor, caller.account_id)
    shown = await entities.conversations(ctx, rows, caller.account_id)
    return Page(shown, edges(rows, cursor, lambda row: row.last_status_id))


@endpoint("DELETE", "/api/v1/conversations/{id}", scope="write:conversations")
async def delete(ctx: Context, caller: Caller, id: int) -> JSON:
    """Remove a conversation from the list; its posts stay (Mastodon API: conversations#delete)."""
    if not await ctx.db.execute(DELETE_CONVERSATION, id, caller.account_id):
        raise NotFound("Record not found")
    return {}


@endpoint("POST", "/api/v1/conversations/{id}/read", scope="write:conversations")
async def read(ctx: Context, caller: Caller, id: int) -> JSON:
    """Mark a conversation as read (Mastodon API: conversations#read)."""
    return await _mark(ctx, caller, id, unread=False)


@endpoint("POST", "/api/v1/conversations/{id}/unread", scope="write:conversations")
async def unread(ctx: Context, caller: Caller, id: int) -> JSON:
    """Mark a conversation as unread (Mastodon API: undocumented, as conversations#read)."""
    return await _mark(ctx, caller, id, unread=True)


async def _mark(ctx: Context, caller: Caller, id: int, *, unread: bool) -> JSON:
    row = await ctx.db.one(MARK_CONVERSATION, id, caller.account_id, unread)
    if row is None:
        raise NotFound("Record not found")
    return (await entities.conversations(ctx, [row], caller.account_id))[0]

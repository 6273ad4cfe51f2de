"""Notifications (Mastodon API: notifications)."""

from typing import Any

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Caller, Id, Page, PageParams, Params, endpoint
from fedserver.routing.pages import clamp
from storage.notification_reads import (
    CLEAR_NOTIFICATIONS,
    COUNT_NOTIFICATIONS,
    DISMISS_NOTIFICATION,
    NOTIFICATION,
    NOTIFICATIONS,
)
from storage.paging import edges, fetch_page

_MAX_TYPES = 50


class SupportedParams(Params, frozen=True, kw_only=True):
    """The types that a client knows; of others it gets a `fallback`."""

    supported_types: list[str] | None = None


class FilterParams(PageParams, frozen=True, kw_only=True):
    """Which notifications; unknown types match nothing."""

    types: list[str] = msgspec.field(default_factory=list)
    exclude_types: list[str] = msgspec.field(default_factory=list)
    account_id: Id | None = None
    supported_types: list[str] | None = None

    def filters(self) -> tuple[list[str] | None, list[str], int | None]:
        """Give the arguments of the queries in storage.notification_reads."""
        return (self.types[:_MAX_TYPES] or None, self.exclude_types[:_MAX_TYPES], self.account_id)


@endpoint("GET", "/api/v1/notifications", scope="read:notifications")
async def notifications(ctx: Context, caller: Caller, params: FilterParams) -> Page:
    """Show what happened to the caller.

    Mastodon API: notifications#get.
    """
    cursor = params.cursor(default=40, most=80)
    rows = await fetch_page(ctx.db, NOTIFICATIONS, cursor, caller.account_id, *params.filters())
    shown = await entities.notifications(ctx, rows, caller.account_id, params.supported_types)
    return Page(shown, edges(rows, cursor, lambda row: row.id))


@endpoint("GET", "/api/v1/notifications/unread_count", scope="read:notifications")
async def unread_count(ctx: Context, caller: Caller, params: FilterParams) -> JSON:
    """Count the notifications, up to a limit. (Where one stopped reading is not kept yet.)

    Mastodon API: notifications#unread-count.
    """
    most = clamp(params.limit, 100, 1_000)
    count = await ctx.db.value(COUNT_NOTIFICATIONS, most, caller.account_id, *params.filters())
    return {"count": count or 0}


@endpoint("GET", "/api/v1/notifications/{id}", scope="read:notifications")
async def notification(ctx: Context, caller: Caller, id: int, params: SupportedParams) -> JSON:
    """Show one notification.

    Mastodon API: notifications#get-one.
    """
    row = await ctx.db.one(NOTIFICATION, id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    shown = await entities.notifications(ctx, [row], caller.account_id, params.supported_types)
    if not shown:
        raise NotFound("Record not found")
    return shown[0]


@endpoint("POST", "/api/v1/notifications/clear", scope="write:notifications")
async def clear(ctx: Context, caller: Caller) -> JSON:
    """Delete all notifications of the caller.

    Mastodon API: notifications#clear.
    """
    await ctx.db.execute(CLEAR_NOTIFICATIONS, caller.account_id)
    return _NOTHING


@endpoint("POST", "/api/v1/notifications/{id}/dismiss", scope="write:notifications")
async def dismiss(ctx: Context, caller: Caller, id: int) -> JSON:
    """Delete one notification.

    Mastodon API: notifications#dismiss.
    """
    if not await ctx.db.execute(DISMISS_NOTIFICATION, id, caller.account_id):
        raise NotFound("Record not found")
    return _NOTHING


_NOTHING: dict[str, Any] = {}

"""Notifications, one by one (Mastodon API: notifications)."""

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Caller, Id, Page, PageParams, Params, endpoint
from fedserver.routing.pages import clamp
from storage.notification_reads import (
    CLEAR_NOTIFICATIONS,
    COUNT_UNREAD,
    DISMISS_NOTIFICATIONS,
    NOTIFICATION,
    NOTIFICATIONS,
)
from storage.paging import edges, fetch_page

_MAX_TYPES = 50
_MAX_IDS = 1_000
PAGE, PAGE_MOST = 40, 80
COUNT, COUNT_MOST = 100, 1_000


class SupportedParams(Params, frozen=True, kw_only=True):
    """Which types the client knows; for others it is told what to show instead."""

    supported_types: list[str] | None = None


class FilterParams(PageParams, frozen=True, kw_only=True):
    """Which notifications; unknown types match nothing."""

    types: list[str] = msgspec.field(default_factory=list)
    exclude_types: list[str] = msgspec.field(default_factory=list)
    account_id: Id | None = None
    include_filtered: bool | None = None
    supported_types: list[str] | None = None

    def wanted(self, caller: Caller) -> tuple[object, ...]:
        """Give the arguments of storage.notification_reads.wanted.

        Asked for one account, filtered ones are shown: that is how a request is looked at.
        """
        return (
            caller.account_id,
            self.types[:_MAX_TYPES] or None,
            self.exclude_types[:_MAX_TYPES],
            self.account_id,
            bool(self.include_filtered) or self.account_id is not None,
        )


@endpoint("GET", "/api/v1/notifications", scope="read:notifications")
async def notifications(ctx: Context, caller: Caller, params: FilterParams) -> Page:
    """Show what happened to the caller.

    Mastodon API: notifications#get.
    """
    cursor = params.cursor(default=PAGE, most=PAGE_MOST)
    rows = await fetch_page(ctx.db, NOTIFICATIONS, cursor, *params.wanted(caller))
    shown = await entities.notifications(ctx, rows, caller.account_id, params.supported_types)
    return Page(shown, edges(rows, cursor, lambda row: row.id))


@endpoint("GET", "/api/v1/notifications/unread_count", scope="read:notifications")
async def unread_count(ctx: Context, caller: Caller, params: FilterParams) -> JSON:
    """Count the notifications after the caller's reading position, up to a limit.

    Mastodon API: notifications#unread-count.
    """
    most = clamp(params.limit, COUNT, COUNT_MOST)
    return {"count": await ctx.db.value(COUNT_UNREAD, most, *params.wanted(caller)) or 0}


@endpoint("GET", "/api/v1/notifications/{id}", scope="read:notifications")
async def notification(ctx: Context, caller: Caller, id: int, params: SupportedParams) -> JSON:
    """Show one notification.

    Mastodon API: notifications#get-one.
    """
    row = await ctx.db.one(NOTIFICATION, id, caller.account_id)
    rows = [row] if row else []
    shown = await entities.notifications(ctx, rows, caller.account_id, params.supported_types)
    if not shown:
        raise NotFound("Record not found")
    return shown[0]


@endpoint("POST", "/api/v1/notifications/clear", scope="write:notifications")
@endpoint("POST", "/api/v2/notifications/clear", scope="write:notifications")
async def clear(ctx: Context, caller: Caller) -> JSON:
    """Delete all notifications of the caller.

    Mastodon API: notifications#clear.
    """
    await ctx.db.execute(CLEAR_NOTIFICATIONS, caller.account_id)
    return {}


@endpoint("POST", "/api/v1/notifications/{id}/dismiss", scope="write:notifications")
@endpoint("DELETE", "/api/v1/notifications/{id}", scope="write:notifications")
async def dismiss(ctx: Context, caller: Caller, id: int) -> JSON:
    """Delete one notification.

    Mastodon API: notifications#dismiss.
    """
    if not await ctx.db.execute(DISMISS_NOTIFICATIONS, [id], caller.account_id):
        raise NotFound("Record not found")
    return {}


class IdsParams(Params, frozen=True, kw_only=True):
    """Which notifications."""

    ids: list[Id] = msgspec.field(default_factory=list)


@endpoint("DELETE", "/api/v1/notifications/destroy_multiple", scope="write:notifications")
async def destroy_multiple(ctx: Context, caller: Caller, params: IdsParams) -> JSON:
    """Delete several notifications; what is not there is passed over.

    Mastodon API: undocumented, as notifications#dismiss.
    """
    await ctx.db.execute(DISMISS_NOTIFICATIONS, params.ids[:_MAX_IDS], caller.account_id)
    return {}

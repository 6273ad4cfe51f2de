"""Notifications in groups (Mastodon API: grouped_notifications)."""

from typing import Literal

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.entities import Grouping
from fedserver.errors import NotFound
from fedserver.ids import parse_id
from fedserver.mastodon.notifications import (
    COUNT,
    COUNT_MOST,
    PAGE,
    PAGE_MOST,
    FilterParams,
    SupportedParams,
)
from fedserver.routing import JSON, Caller, Page, PageParams, endpoint
from fedserver.routing.pages import clamp
from storage.notification_groups import (
    COUNT_UNREAD_GROUPS,
    DISMISS_GROUP,
    GROUP_DETAILS,
    GROUPS,
    IN_GROUP,
    GroupRow,
)
from storage.notification_reads import NotificationRow
from storage.notifying import GROUPED_TYPES
from storage.paging import NEWEST, Cursor, edges, fetch_page

_UNGROUPED = "ungrouped-"


class GroupParams(FilterParams, frozen=True, kw_only=True):
    """Which notifications, and which of them in groups."""

    grouped_types: list[str] = msgspec.field(default_factory=list)
    expand_accounts: Literal["full", "partial_avatars"] = "full"

    @property
    def grouped(self) -> list[str]:
        """Give the types to group; left out: all that can be. What one account did stands alone,
        since its groups have others in them."""
        if self.account_id is not None:
            return []
        chosen = [one for one in GROUPED_TYPES if one in self.grouped_types]
        return chosen if self.grouped_types else list(GROUPED_TYPES)


@endpoint("GET", "/api/v2/notifications", scope="read:notifications")
async def grouped_notifications(ctx: Context, caller: Caller, params: GroupParams) -> Page:
    """Show what happened to the caller, what belongs together as one.

    Mastodon API: grouped_notifications#get-grouped.
    """
    cursor = params.cursor(default=PAGE, most=PAGE_MOST)
    rows = await fetch_page(ctx.db, GROUPS, cursor, *params.wanted(caller), params.grouped)
    grouping = Grouping(
        await _details(ctx, caller, rows, _range(rows, cursor)),
        partial_avatars=params.expand_accounts == "partial_avatars",
    )
    shown = await entities.grouped_notifications(
        ctx, rows, caller.account_id, grouping, params.supported_types
    )
    return Page(shown, edges(rows, cursor, lambda row: row.id))


def _range(rows: list[NotificationRow], cursor: Cursor) -> tuple[int, int]:
    """Give the oldest and newest id that a page stands for: on the last one all that is left."""
    if not rows:
        return 0, 0
    newest, oldest = rows[0].id, rows[-1].id
    if len(rows) < cursor.limit:
        return (oldest, cursor.upper - 1) if cursor.upward else (cursor.lower + 1, newest)
    return oldest, newest


async def _details(
    ctx: Context, caller: Caller, rows: list[NotificationRow], limits: tuple[int, int]
) -> dict[str, GroupRow]:
    keys = [row.group_key for row in rows if not row.group_key.startswith(_UNGROUPED)]
    if not keys:
        return {}
    found = await ctx.db.fetch(GROUP_DETAILS, caller.account_id, keys, *limits)
    return {one.group_key: one for one in found}


@endpoint("GET", "/api/v2/notifications/unread_count", scope="read:notifications")
async def unread_count(ctx: Context, caller: Caller, params: GroupParams) -> JSON:
    """Count the groups with notifications after the caller's reading position, up to a limit.

    Mastodon API: grouped_notifications#unread-group-count.
    """
    most = clamp(params.limit, COUNT, COUNT_MOST)
    arguments = (most, *params.wanted(caller), params.grouped)
    return {"count": await ctx.db.value(COUNT_UNREAD_GROUPS, *arguments) or 0}


@endpoint("GET", "/api/v2/notifications/{group_key}", scope="read:notifications")
async def group(ctx: Context, caller: Caller, group_key: str, params: SupportedParams) -> JSON:
    """Show one group.

    Mastodon API: grouped_notifications#get-notification-group.
    """
    rows = await fetch_page(ctx.db, IN_GROUP, Cursor(1), *_named(caller, group_key))
    details = await _details(ctx, caller, rows, (0, NEWEST))
    shown = await entities.grouped_notifications(
        ctx, rows, caller.account_id, Grouping(details, paged=False), params.supported_types
    )
    if not shown["notification_groups"]:
        raise NotFound("Record not found")
    return shown


@endpoint("GET", "/api/v2/notifications/{group_key}/accounts", scope="read:notifications")
async def accounts(ctx: Context, caller: Caller, group_key: str, params: PageParams) -> Page:
    """Show everybody who caused a group, the newest first.

    Mastodon API: grouped_notifications#get-group-accounts.
    """
    cursor = params.cursor(default=PAGE, most=PAGE_MOST)
    rows = await fetch_page(ctx.db, IN_GROUP, cursor, *_named(caller, group_key))
    shown = await entities.accounts(ctx, [row.from_account_id for row in rows], caller.account_id)
    return Page(shown, edges(rows, cursor, lambda row: row.id))


@endpoint("POST", "/api/v2/notifications/{group_key}/dismiss", scope="write:notifications")
async def dismiss(ctx: Context, caller: Caller, group_key: str) -> JSON:
    """Delete a group; one that is not there is passed over, as Mastodon does.

    Mastodon API: grouped_notifications#dismiss-group.
    """
    await ctx.db.execute(DISMISS_GROUP, *_named(caller, group_key))
    return {}


def _named(caller: Caller, group_key: str) -> tuple[int, str, int]:
    """Give whose group it is, and its key or the id of what stands alone.

    Raises NotFound for what cannot be a key.
    """
    if "\0" in group_key or len(group_key) > 100:
        raise NotFound("Record not found")
    number = group_key.removeprefix(_UNGROUPED)
    alone = parse_id(number) if number != group_key else None
    return caller.account_id, group_key, alone or 0

"""Whose notifications are kept apart, to be accepted or dismissed (Mastodon API: notifications,
requests)."""

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import accept_requests
from fedserver.errors import Invalid, NotFound
from fedserver.routing import JSON, Caller, Id, Page, PageParams, Params, endpoint
from storage.notification_policies import DISMISS_REQUESTS, REQUEST, REQUESTS
from storage.paging import edges, fetch_page

_MAX_AT_ONCE = 1_000


class RequestsParams(Params, frozen=True, kw_only=True):
    """Which requests; what is not there is passed over."""

    id: list[Id] = msgspec.field(default_factory=list)

    def ids(self) -> list[int]:
        """Give each once. Raises Invalid for too many."""
        if len(self.id) > _MAX_AT_ONCE:
            raise Invalid(f"At most {_MAX_AT_ONCE} requests at once")
        return list(dict.fromkeys(self.id))


@endpoint("GET", "/api/v1/notifications/requests", scope="read:notifications")
async def requests(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the caller's requests (Mastodon API: notifications#get-requests)."""
    cursor = params.cursor(default=40, most=80)
    rows = await fetch_page(ctx.db, REQUESTS, cursor, caller.account_id)
    shown = await entities.notification_requests(ctx, rows, caller.account_id)
    return Page(shown, edges(rows, cursor, lambda row: row.id))


@endpoint("GET", "/api/v1/notifications/requests/merged", scope="read:notifications")
async def merged(caller: Caller) -> JSON:
    """Say whether what was accepted is shown by now (Mastodon API: notifications#requests-merged).

    It always is: accepting moves everything at once.
    """
    return {"merged": True}


@endpoint("GET", "/api/v1/notifications/requests/{id}", scope="read:notifications")
async def request(ctx: Context, caller: Caller, id: int) -> JSON:
    """Show one request (Mastodon API: notifications#get-one-request)."""
    row = await ctx.db.one(REQUEST, id, caller.account_id)
    shown = await entities.notification_requests(ctx, [row] if row else [], caller.account_id)
    if not shown:
        raise NotFound("Record not found")
    return shown[0]


@endpoint("POST", "/api/v1/notifications/requests/{id}/accept", scope="write:notifications")
async def accept(ctx: Context, caller: Caller, id: int) -> JSON:
    """Show what somebody did, now and in future (Mastodon API: notifications#accept-request)."""
    if not await accept_requests(ctx, caller.account_id, [id]):
        raise NotFound("Record not found")
    return {}


@endpoint("POST", "/api/v1/notifications/requests/{id}/dismiss", scope="write:notifications")
async def dismiss(ctx: Context, caller: Caller, id: int) -> JSON:
    """Delete what somebody did (Mastodon API: notifications#dismiss-request)."""
    if not await ctx.db.values(DISMISS_REQUESTS, [id], caller.account_id):
        raise NotFound("Record not found")
    return {}


@endpoint("POST", "/api/v1/notifications/requests/accept", scope="write:notifications")
async def accept_many(ctx: Context, caller: Caller, params: RequestsParams) -> JSON:
    """Accept several requests (Mastodon API: notifications#accept-multiple-requests)."""
    await accept_requests(ctx, caller.account_id, params.ids())
    return {}


@endpoint("POST", "/api/v1/notifications/requests/dismiss", scope="write:notifications")
async def dismiss_many(ctx: Context, caller: Caller, params: RequestsParams) -> JSON:
    """Dismiss several requests (Mastodon API: notifications#dismiss-multiple-requests)."""
    await ctx.db.values(DISMISS_REQUESTS, params.ids(), caller.account_id)
    return {}

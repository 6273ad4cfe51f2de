"""What waits for one's leave: answers, favourites, boosts and quotes of one's posts
(GoToSocial API: interaction_requests)."""

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import acting_account
from fedserver.routing import JSON, Caller, Id, Page, PageParams, endpoint
from storage.approvals import REQUEST, REQUESTS
from storage.paging import edges, fetch_page


class RequestParams(PageParams, frozen=True, kw_only=True):
    """Which requests: about one status, of some kinds. GoToSocial has no `quotes`."""

    status_id: Id | None = None
    favourites: bool = True
    replies: bool = True
    reblogs: bool = True
    quotes: bool = True

    def kinds(self) -> list[str]:
        """Give the kinds as they are kept."""
        wanted = {
            "like": self.favourites,
            "reply": self.replies,
            "announce": self.reblogs,
            "quote": self.quotes,
        }
        return [kind for kind, is_wanted in wanted.items() if is_wanted]


@endpoint("GET", "/api/v1/interaction_requests", scope="read:notifications")
async def requests(ctx: Context, caller: Caller, params: RequestParams) -> Page:
    """Show what waits for the caller's leave, the newest first.

    GoToSocial API: getInteractionRequests.
    """
    if not params.kinds():
        raise Invalid("at least one of favourites, replies, or boosts must be true")
    cursor = params.cursor(default=40, most=80)
    rows = await fetch_page(
        ctx.db, REQUESTS, cursor, caller.account_id, params.kinds(), params.status_id
    )
    shown = await entities.interaction_requests(ctx, rows, caller.account_id)
    return Page(shown, edges(rows, cursor, lambda row: row.id))


@endpoint("GET", "/api/v1/interaction_requests/{id}", scope="read:notifications")
async def request(ctx: Context, caller: Caller, id: int) -> JSON:
    """Show one request, also after it was decided.

    GoToSocial API: getInteractionRequest.
    """
    return await _shown(ctx, caller, id)


@endpoint("POST", "/api/v1/interaction_requests/{id}/authorize", scope="write:statuses")
async def authorize(ctx: Context, caller: Caller, id: int) -> JSON:
    """Give leave: what waited is shown, and its author gets a proof. 404 if it is decided already.

    GoToSocial API: authorizeInteractionRequest.
    """
    await effects.give_leave(ctx, await acting_account(ctx, caller), id)
    return await _shown(ctx, caller, id)


@endpoint("POST", "/api/v1/interaction_requests/{id}/reject", scope="write:statuses")
async def reject(ctx: Context, caller: Caller, id: int) -> JSON:
    """Give no leave, or take it back: GoToSocial answers 404 to the latter.

    GoToSocial API: rejectInteractionRequest.
    """
    await effects.refuse_leave(ctx, await acting_account(ctx, caller), id)
    return await _shown(ctx, caller, id)


async def _shown(ctx: Context, caller: Caller, id: int) -> JSON:
    row = await ctx.db.one(REQUEST, id, caller.account_id)
    shown = await entities.interaction_requests(ctx, [row], caller.account_id) if row else []
    if not shown:
        raise NotFound("Record not found")
    return shown[0]

"""Who acts for a person: apps, and browsers that are signed in (documented in docs/api.md)."""

from fedserver.context import Context
from fedserver.entities import timestamp
from fedserver.extension.people import calling_user
from fedserver.routing import JSON, Caller, endpoint
from fedserver.services import login_settings
from storage.oauth import AUTHORISED_APPLICATIONS, BROWSERS


@endpoint("GET", "/api/fedserver/v1/sessions", scope="read:accounts")
async def sessions(ctx: Context, caller: Caller) -> JSON:
    """List the apps that act for the caller, and the browsers that are signed in."""
    user = await calling_user(ctx, caller)
    apps = await ctx.db.fetch(AUTHORISED_APPLICATIONS, user.account_id)
    browsers = await ctx.db.fetch(BROWSERS, user.account_id, ctx.clock.now())
    return {
        "applications": [
            {
                "id": str(one.id),
                "name": one.name,
                "website": one.website,
                "scopes": one.scopes,
                "created_at": timestamp(one.created_at),
                "last_used_at": timestamp(one.last_used_at) if one.last_used_at else None,
                "current": one.id == caller.token.application_id,
            }
            for one in apps
        ],
        "browsers": [
            {
                "id": str(one.id),
                "user_agent": one.user_agent,
                "address": one.address,
                "created_at": timestamp(one.created_at),
            }
            for one in browsers
        ],
    }


@endpoint(
    "DELETE", "/api/fedserver/v1/sessions/applications/{application_id}", scope="write:accounts"
)
async def revoke_application(ctx: Context, caller: Caller, application_id: int) -> JSON:
    """Sign an app out of the account, with all of its tokens. 404 where it is not signed in."""
    await login_settings.revoke_application(ctx, caller.account_id, application_id)
    return {}


@endpoint("DELETE", "/api/fedserver/v1/sessions/browsers/{session_id}", scope="write:accounts")
async def sign_browser_out(ctx: Context, caller: Caller, session_id: int) -> JSON:
    """Sign a browser out. 404 where it is not signed in."""
    await login_settings.sign_browser_out(ctx, caller.account_id, session_id)
    return {}

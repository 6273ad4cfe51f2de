"""Who is signed in with a browser. The database knows only the hash of what the cookie says."""

from datetime import timedelta
from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.routing.client_address import ClientAddresses
from fedserver.secrets import new_token, token_hash
from fedserver.web.cookies import read_cookie, remove_cookie, set_cookie
from storage.oauth import DELETE_SESSION, INSERT_SESSION, SESSION_BY_HASH, SessionRow

LIFETIME: Final = timedelta(days=30)
_MAX_AGENT_CHARS: Final = 300


async def current_session(ctx: Context, request: web.Request) -> SessionRow | None:
    """Give who is signed in, None for nobody."""
    token = read_cookie(ctx, request, "session")
    if token is None:
        return None
    return await ctx.db.one(SESSION_BY_HASH, token_hash(token), ctx.clock.now())


async def start_session(
    ctx: Context, request: web.Request, response: web.Response, account_id: int
) -> None:
    """Sign `account_id` in; a session that the browser had before is over."""
    await _delete(ctx, request)
    token, now = new_token(), ctx.clock.now()
    agent = request.headers.get("User-Agent", "")[:_MAX_AGENT_CHARS]
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    await ctx.db.execute(
        INSERT_SESSION, token_hash(token), account_id, now, now + LIFETIME, agent, address
    )
    max_age_s = int(LIFETIME.total_seconds())
    set_cookie(ctx, request, response, "session", token, max_age_s=max_age_s)


async def end_session(ctx: Context, request: web.Request, response: web.Response) -> None:
    """Sign out, here and in the database."""
    await _delete(ctx, request)
    remove_cookie(ctx, request, response, "session")


async def _delete(ctx: Context, request: web.Request) -> None:
    token = read_cookie(ctx, request, "session")
    if token is not None:
        await ctx.db.execute(DELETE_SESSION, token_hash(token))

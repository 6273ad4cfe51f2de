"""The front page: what this is, and how to come in."""

from datetime import timedelta
from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.routing import Media, endpoint
from fedserver.web.rendering import public_page, render
from storage.instance_reads import INSTANCE_STATS
from storage.users import OWNER_EXISTS

_KEEP_S: Final = 60
_MONTH: Final = timedelta(days=30)


@endpoint("GET", "/", media=Media.PAGE)
async def show_front(ctx: Context) -> web.Response:
    """Show the instance to a visitor. Its figures are up to a minute old."""
    key = ("front page", int(ctx.clock.now().timestamp()) // _KEEP_S)
    body = ctx.entity_cache.get(key)
    if body is None:
        body = await _render(ctx)
        ctx.entity_cache.put(key, body)
    return public_page(ctx, body, scripts=True)


async def _render(ctx: Context) -> bytes:
    stats = await ctx.db.one(INSTANCE_STATS, ctx.clock.now() - _MONTH)
    has_owner = await ctx.db.value(OWNER_EXISTS)
    return render(ctx, "front.html", stats=stats, has_owner=has_owner)

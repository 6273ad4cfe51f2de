"""The page of a hashtag: what this instance knows of it, for anybody."""

from typing import Any, Final

import orjson
from aiohttp import web

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Media, PageParams, endpoint
from fedserver.services import text_out
from fedserver.web.rendering import public_page, render
from storage.paging import edges, fetch_page
from storage.timelines import TAG

_PER_PAGE: Final = 20


@endpoint("GET", "/tags/{name}", media=Media.PAGE)
async def show_tag(ctx: Context, name: str, params: PageParams) -> web.Response:
    """Show the newest public posts with a hashtag; 404 for what cannot be one."""
    name = name.strip().lstrip("#")
    posts, older = await _posts(ctx, name, params)
    # Nobody's words but those of a hashtag are shown on a page of this instance.
    if not posts and name not in text_out.scan(f"#{name}").hashtags:
        raise NotFound
    return public_page(ctx, render(ctx, "tag.html", name=name, posts=posts, older=older))


async def _posts(
    ctx: Context, name: str, params: PageParams
) -> tuple[list[dict[str, Any]], int | None]:
    """Give a page of posts as nobody in particular sees them, and the id that leads on."""
    cursor = params.cursor(default=_PER_PAGE)
    heads = await fetch_page(ctx.db, TAG, cursor, None, [name.lower()], [], [], False, None)
    posts = orjson.loads(orjson.dumps(await entities.statuses_of(ctx, heads, None)))
    return posts, edges(heads, cursor, lambda head: head.cursor).next_max_id

"""Our public posts for other sites to embed (Mastodon API: oembed).

No scripts, no frames: a quotation with a link, which every site can style.
"""

from html import escape
from typing import Any

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Params, endpoint
from storage.accounts import ACCOUNT_BY_ID
from storage.statuses import STATUS_BY_URI_OR_URL

_WIDTH = 400
_CACHE_S = 86_400


class OEmbedParams(Params, frozen=True, kw_only=True):
    """The address of a post, and how wide the site has room."""

    url: str = ""
    maxwidth: int = _WIDTH
    maxheight: int | None = None


@endpoint("GET", "/api/oembed")
async def oembed(ctx: Context, params: OEmbedParams) -> JSON:
    """Give what a site needs to embed a post of ours (oEmbed §2.3.4.4); 404 for what is not
    public, or not ours."""
    row = await ctx.db.one(STATUS_BY_URI_OR_URL, params.url.strip())
    if row is None or not row.local:
        raise NotFound("Record not found")
    return await _embed(ctx, row.id, params)


@endpoint("GET", "/api/web/embeds/{id}")
async def embed(ctx: Context, id: int) -> JSON:
    """Give the same for a post by its id (Mastodon API: not documented)."""
    return await _embed(ctx, id, OEmbedParams())


async def _embed(ctx: Context, status_id: int, params: OEmbedParams) -> JSON:
    status: dict[str, Any] = orjson.loads(orjson.dumps(await entities.status(ctx, status_id, None)))
    author = await ctx.db.one(ACCOUNT_BY_ID, int(status["account"]["id"]))
    if status["reblog"] is not None or author is None or not author.local:
        raise NotFound("Record not found")
    name = status["account"]["display_name"] or author.username
    return {
        "type": "rich",
        "version": "1.0",
        "title": f"New status by {author.username}",
        "author_name": name,
        "author_url": status["account"]["url"],
        "provider_name": ctx.config.instance.domain,
        "provider_url": f"{ctx.config.base_url}/",
        "cache_age": _CACHE_S,
        "html": _quotation(status, name),
        "width": max(1, min(params.maxwidth, _WIDTH)),
        "height": None,
    }


def _quotation(status: dict[str, Any], name: str) -> str:
    url = escape(status["url"], quote=True)
    # Behind a warning only the warning: whoever reads the other site did not ask for more.
    text = (
        f"<p>{escape(status['spoiler_text'])}</p>" if status["spoiler_text"] else status["content"]
    )
    return (
        f'<blockquote class="fediverse-post" cite="{url}">{text}'
        f'<footer><a href="{url}">{escape(name)} (@{escape(status["account"]["acct"])})</a>'
        f"</footer></blockquote>"
    )

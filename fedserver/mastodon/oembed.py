"""How others may show our public posts on their pages (oembed.com §2, Mastodon API: oembed)."""

import re
from html import escape
from typing import Any, Final

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Params, endpoint

_PATHS: Final = re.compile(r"/(?:@[^/?#]+|users/[^/?#]+/statuses)/(\d{1,19})/?(?:[?#].*)?")
_DEFAULT_WIDTH: Final = 400
_MAX_WIDTH: Final = 4_000
_KEPT_S: Final = 86_400


class OEmbedParams(Params, frozen=True, kw_only=True):
    """The address of a post here, and how much room there is for it."""

    url: str = ""
    maxwidth: int | None = None


@endpoint("GET", "/api/oembed")
async def oembed(ctx: Context, params: OEmbedParams) -> JSON:
    """Give what shows a public post of ours on another page (Mastodon API: oembed)."""
    base = f"{ctx.config.base_url}/"
    named = _PATHS.fullmatch(params.url[len(base) - 1 :]) if params.url.startswith(base) else None
    if named is None:
        raise NotFound("Record not found")
    return await _embedding(ctx, int(named[1]), params.maxwidth)


@endpoint("GET", "/api/web/embeds/{status_id}")
async def embed(ctx: Context, status_id: int) -> JSON:
    """Give the same by the id of a post here; posts of other servers are theirs to show."""
    return await _embedding(ctx, status_id, None)


async def _embedding(ctx: Context, status_id: int, max_width: int | None) -> JSON:
    if status_id >= 2**63:
        raise NotFound("Record not found")
    shown = await entities.status(ctx, status_id, None)
    post: dict[str, Any] = orjson.loads(orjson.dumps(shown))
    if post["reblog"] is not None or "@" in post["account"]["acct"]:
        raise NotFound("Record not found")
    author = post["account"]["display_name"] or post["account"]["username"]
    return {
        "type": "rich",
        "version": "1.0",
        "title": f"New status by {author}",
        "author_name": author,
        "author_url": post["account"]["url"],
        "provider_name": ctx.config.instance.domain,
        "provider_url": f"{ctx.config.base_url}/",
        "cache_age": _KEPT_S,
        "html": _html(post, author),
        "width": max(1, min(max_width or _DEFAULT_WIDTH, _MAX_WIDTH)),
        "height": None,
    }


def _html(post: dict[str, Any], author: str) -> str:
    """Without a frame and without a script: the post's own clean text, and where it is from. What
    is behind a warning stays there."""
    warned = post["spoiler_text"] or ("Sensitive content" if post["sensitive"] else "")
    text = f"<p>{escape(warned)}</p>" if warned else post["content"]
    link = f'<a href="{escape(post["url"])}">{escape(author)}</a>'
    return f'<blockquote cite="{escape(post["url"])}">{text}<footer>{link}</footer></blockquote>'

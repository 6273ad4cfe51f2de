"""The page of one public post, for anybody."""

from typing import Any, Final

import orjson
from aiohttp import web

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Media, endpoint
from fedserver.services.text_in import html_to_text
from fedserver.web.rendering import public_page, render
from storage.status_reads import HEADS, HeadRow

_MAX_SUMMARY_CHARS: Final = 500


@endpoint("GET", "/@{username}/{id}", media=Media.PAGE)
@endpoint("GET", "/users/{username}/statuses/{id}", media=Media.PAGE)
async def show_post(ctx: Context, username: str, id: int) -> web.Response:
    """Show a public or unlisted post of a person of this instance; 404 for all else."""
    head = await ctx.db.one(HEADS, [id], None)
    if head is None or head.reblog_id is not None:
        raise NotFound
    key = ("post page", username.lower(), head.id, head.version, head.account_version)
    body = ctx.entity_cache.get(key)
    if body is None:
        body = await _render(ctx, username, head)
        if head.poll_id is None:  # votes change a poll, and not its post
            ctx.entity_cache.put(key, body)
    return public_page(ctx, body)


async def _render(ctx: Context, username: str, head: HeadRow) -> bytes:
    found = orjson.loads(orjson.dumps(await entities.statuses_of(ctx, [head], None)))
    if not found or found[0]["account"]["acct"].lower() != username.lower():
        raise NotFound
    post: dict[str, Any] = found[0]
    return render(ctx, "post.html", post=post, summary=_summary(post), image=_image(post))


def _summary(post: dict[str, Any]) -> str:
    """What a preview elsewhere may show: behind a warning only the warning."""
    text: str = post["spoiler_text"] or html_to_text(post["content"])
    return text[:_MAX_SUMMARY_CHARS]


def _image(post: dict[str, Any]) -> str:
    if not post["sensitive"]:
        for media in post["media_attachments"]:
            if media["type"] == "image" and media["preview_url"]:
                preview: str = media["preview_url"]
                return preview
    avatar: str = post["account"]["avatar"]
    return avatar

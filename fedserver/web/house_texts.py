"""The pages of the privacy policy and the terms of service."""

from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.routing import Media, endpoint
from fedserver.services.house_texts import PRIVACY, TERMS, TextName, house_text
from fedserver.web.rendering import public_page, render

_TITLES: Final[dict[TextName, str]] = {PRIVACY: "Privacy policy", TERMS: "Terms of service"}


@endpoint("GET", "/privacy-policy", media=Media.PAGE)
async def show_privacy_policy(ctx: Context) -> web.Response:
    """Show the privacy policy."""
    return await _page(ctx, PRIVACY)


@endpoint("GET", "/terms-of-service", media=Media.PAGE)
async def show_terms(ctx: Context) -> web.Response:
    """Show the terms of service; 404 without any."""
    return await _page(ctx, TERMS)


async def _page(ctx: Context, name: TextName) -> web.Response:
    text = await house_text(ctx, name)
    body = render(ctx, "house_text.html", title=_TITLES[name], text=text)
    return public_page(ctx, body)

"""The page on which people here post what another site gives them to share (FEP-3b86 Create, and
Mastodon's address for it)."""

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid
from fedserver.routing import Media, Params, endpoint
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import redirect
from fedserver.web.sessions import current_session
from fedserver.web.sign_in import sign_in_first
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.oauth import SessionRow
from storage.statuses import STATUS_BY_ID

# Posting is the client API's: who, the text, the visibility; gives the status's id.
PostText = Callable[[Context, AccountRow, str, str], Awaitable[int]]
POST_TEXT: web.AppKey[PostText] = web.AppKey("post_text")
VISIBILITIES: Final = ("public", "unlisted", "private")


class ShareParams(Params, frozen=True, kw_only=True):
    """What is to be shared; a site gives a text, or a title and an address."""

    text: str = ""
    title: str = ""
    url: str = ""
    visibility: str = ""
    form_token: str = ""


@endpoint("GET", "/share", media=Media.PAGE)
async def show_share(ctx: Context, request: web.Request, params: ShareParams) -> web.Response:
    """Show the text for its author to change and post. Nothing is posted by a link alone."""
    session = await current_session(ctx, request)
    if session is None:
        return sign_in_first(str(request.rel_url))
    parts = (params.title.strip(), params.text.strip(), params.url.strip())
    return _form(ctx, request, session, " ".join(filter(None, parts)), "", None)


@endpoint("POST", "/share", media=Media.PAGE)
async def share(ctx: Context, request: web.Request, params: ShareParams) -> web.Response:
    """Post it, and lead to the post."""
    check_form(ctx, request, params.form_token)
    session = await current_session(ctx, request)
    if session is None:
        return redirect("/auth/sign_in")
    author = await ctx.db.one(ACCOUNT_BY_ID, session.account_id)
    if author is None or params.visibility not in ("", *VISIBILITIES):
        raise Forbidden("This action is not allowed")
    try:
        status_id = await request.app[POST_TEXT](ctx, author, params.text, params.visibility)
    except Invalid as error:
        fault = str(error).removeprefix("Validation failed: ")
        return _form(ctx, request, session, params.text, params.visibility, fault)
    status = await ctx.db.one(STATUS_BY_ID, status_id)
    return redirect(status.url if status is not None else "/")


def _form(
    ctx: Context,
    request: web.Request,
    session: SessionRow,
    text: str,
    visibility: str,
    fault: str | None,
) -> web.Response:
    return form_page(
        ctx,
        request,
        "share.html",
        status=200 if fault is None else 422,
        session=session,
        text=text,
        visibility=visibility,
        visibilities=VISIBILITIES,
        most=ctx.config.statuses.max_characters,
        fault=fault,
    )

"""Forms that only the browser which was given them can send (against cross-site requests).

A form carries a signed value that names the browser's cookie and its session; a page of another
site can make the browser send the cookies, but cannot read the value.
"""

from typing import Any, Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid
from fedserver.secrets import new_token, token_hash
from fedserver.web.cookies import read_cookie, set_cookie
from fedserver.web.rendering import private_page

_PURPOSE: Final = "form"
_MAX_AGE_S: Final = 12 * 3_600
_BROWSER_MAX_AGE_S: Final = 400 * 86_400
_OUT_OF_DATE: Final = (
    "This form is out of date, or your browser does not keep cookies."
    " Please go back, load the page again and try once more."
)


def form_page(
    ctx: Context,
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    leads_away: bool = False,
    scripts: bool = False,
    **values: Any,
) -> web.Response:
    """Give a private page whose template puts `form_token` into its forms. `browser_id` names the
    browser, for what only it may answer."""
    known = read_cookie(ctx, request, "browser")
    browser = known or new_token()
    token = ctx.secrets.sign_value(_binding(ctx, request, browser), purpose=_PURPOSE)
    response = private_page(
        ctx,
        template,
        status=status,
        leads_away=leads_away,
        scripts=scripts,
        form_token=token,
        browser_id=browser_id(browser),
        **values,
    )
    if known is None:
        set_cookie(ctx, request, response, "browser", browser, max_age_s=_BROWSER_MAX_AGE_S)
    return response


def check_form(ctx: Context, request: web.Request, token: str) -> None:
    """Raise Forbidden unless this browser, in this session, was given the form with `token`."""
    browser = read_cookie(ctx, request, "browser")
    if browser is None:
        raise Forbidden(_OUT_OF_DATE)
    try:
        signed = ctx.secrets.read_value(token, purpose=_PURPOSE, max_age_s=_MAX_AGE_S)
    except Invalid as error:
        raise Forbidden(_OUT_OF_DATE) from error
    if signed != _binding(ctx, request, browser):
        raise Forbidden(_OUT_OF_DATE)


def browser_id(browser: str) -> str:
    """Give what may be told of a browser's cookie."""
    return token_hash(f"id {browser}").hex()


def browser_of(ctx: Context, request: web.Request) -> str:
    """Give the id of the browser that asks. Raises Forbidden for one that keeps no cookies."""
    browser = read_cookie(ctx, request, "browser")
    if browser is None:
        raise Forbidden(_OUT_OF_DATE)
    return browser_id(browser)


def _binding(ctx: Context, request: web.Request, browser: str) -> str:
    session = read_cookie(ctx, request, "session") or ""
    return token_hash(f"{browser} {session}").hex()

"""Signing in and out, and the page of one's own account."""

import re
from typing import Final
from urllib.parse import quote

from aiohttp import web

from fedserver.context import Context
from fedserver.rate_limits import LOGINS_PER_ACCOUNT, LOGINS_PER_ADDRESS, address_key
from fedserver.routing import Media, Params, endpoint
from fedserver.routing.client_address import ClientAddresses
from fedserver.services import login_settings, second_factor, users
from fedserver.services.counting import count
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import redirect
from fedserver.web.sessions import current_session, end_session, start_session

ACCOUNT_PAGE: Final = "/auth/account"
PENDING: Final = "second step of a sign-in"
# The only pages that may ask for a sign-in and be returned to.
_RETURN_TO: Final = re.compile(
    r"/(?:oauth/authorize|authorize_interaction|share)\?[!-~]{0,7000}", re.ASCII
)
# No e-mail address is longer (RFC 5321 §4.5.3.1), and every counter keeps its key.
_MAX_LOGIN_CHARS: Final = 320
_WRONG: Final = "That name, e-mail address or password is not right."


class NextParams(Params, frozen=True, kw_only=True):
    """Where to go after signing in. `welcome`: the account was made a moment ago."""

    next: str = ""
    welcome: str = ""


class SignInParams(NextParams, frozen=True, kw_only=True):
    """The sign-in form."""

    # An e-mail address or a user name.
    email: str = ""
    password: str = ""
    form_token: str = ""


class FormParams(Params, frozen=True, kw_only=True):
    """A form without fields."""

    form_token: str = ""


def sign_in_first(next_page: str) -> web.Response:
    """Lead to the sign-in page, and from there on to `next_page`."""
    return redirect(f"/auth/sign_in?next={quote(next_page, safe='')}")


@endpoint("GET", "/auth/sign_in", media=Media.PAGE)
async def show_sign_in(ctx: Context, request: web.Request, params: NextParams) -> web.Response:
    """Show the sign-in form."""
    return form_page(
        ctx,
        request,
        "sign_in.html",
        next=params.next,
        welcome=bool(params.welcome),
        email="",
        fault=None,
    )


@endpoint("POST", "/auth/sign_in", media=Media.PAGE)
async def sign_in(ctx: Context, request: web.Request, params: SignInParams) -> web.Response:
    """Sign in, and go where the person came from."""
    check_form(ctx, request, params.form_token)
    _count_try(ctx, request, params.email)
    account_id = await users.authenticate(ctx, params.email, params.password)
    if account_id is None:
        return form_page(
            ctx,
            request,
            "sign_in.html",
            status=422,
            next=params.next,
            welcome=False,
            email=params.email,
            fault=_WRONG,
        )
    if await second_factor.is_on(ctx, account_id):
        return ask_for_code(ctx, request, account_id, params.next)
    return await finish_sign_in(ctx, request, account_id, params.next)


def ask_for_code(
    ctx: Context, request: web.Request, account_id: int, next_page: str, fault: str | None = None
) -> web.Response:
    """Show the form for the second step; what the first has shown is signed into it."""
    pending = ctx.secrets.sign_value([account_id, next_page], purpose=PENDING)
    status = 200 if fault is None else 422
    return form_page(
        ctx, request, "second_factor.html", status=status, pending=pending, fault=fault
    )


async def finish_sign_in(
    ctx: Context, request: web.Request, account_id: int, next_page: str
) -> web.Response:
    """Sign in, and go where the person came from. Who wanted to leave stays."""
    await login_settings.keep_account(ctx, account_id)
    known = _RETURN_TO.fullmatch(next_page) is not None
    response = redirect(next_page if known else ACCOUNT_PAGE)
    await start_session(ctx, request, response, account_id)
    return response


@endpoint("POST", "/auth/sign_out", media=Media.PAGE)
async def sign_out(ctx: Context, request: web.Request, params: FormParams) -> web.Response:
    """Sign out of this browser. Clients stay signed in."""
    check_form(ctx, request, params.form_token)
    response = redirect("/")
    await end_session(ctx, request, response)
    return response


@endpoint("GET", ACCOUNT_PAGE, media=Media.PAGE)
async def show_account(ctx: Context, request: web.Request) -> web.Response:
    """Tell people that they are signed in, and what to do next."""
    session = await current_session(ctx, request)
    if session is None:
        return redirect("/auth/sign_in")
    return form_page(ctx, request, "account.html", session=session)


def _count_try(ctx: Context, request: web.Request, login: str) -> None:
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    count(ctx, LOGINS_PER_ADDRESS, address_key(address))
    count(ctx, LOGINS_PER_ACCOUNT, login.strip().removeprefix("@").lower()[:_MAX_LOGIN_CHARS])

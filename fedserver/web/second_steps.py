"""Signing in with more than a password: the one-time code, and passkeys."""

from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.rate_limits import LOGINS_PER_ACCOUNT, LOGINS_PER_ADDRESS, address_key
from fedserver.routing import Media, Params, endpoint
from fedserver.routing.client_address import ClientAddresses
from fedserver.services import passkeys, second_factor
from fedserver.services.counting import count
from fedserver.web.cookies import read_cookie
from fedserver.web.forms import browser_of, check_form, form_page
from fedserver.web.rendering import redirect
from fedserver.web.sign_in import PENDING, ask_for_code, finish_sign_in

_PENDING_AGE_S: Final = 600
_WRONG: Final = "That code is not right. Each code works once."


class CodeParams(Params, frozen=True, kw_only=True):
    """The second step: what the first has shown, and a code."""

    pending: str = ""
    code: str = ""
    form_token: str = ""


class PasskeyParams(Params, frozen=True, kw_only=True):
    """What a browser gives for a passkey."""

    credential: str = ""
    next: str = ""
    form_token: str = ""


@endpoint("POST", "/auth/sign_in/code", media=Media.PAGE)
async def check_code(ctx: Context, request: web.Request, params: CodeParams) -> web.Response:
    """Sign in who gave the right password before, and a right code now."""
    check_form(ctx, request, params.form_token)
    account_id, next_page = _pending(ctx, params.pending)
    count(ctx, LOGINS_PER_ACCOUNT, f"code {account_id}")
    if not await second_factor.check(ctx, account_id, params.code):
        return ask_for_code(ctx, request, account_id, next_page, _WRONG)
    return await finish_sign_in(ctx, request, account_id, next_page)


def _pending(ctx: Context, text: str) -> tuple[int, str]:
    value = ctx.secrets.read_value(text, purpose=PENDING, max_age_s=_PENDING_AGE_S)
    match value:
        case [int(account_id), str(next_page)]:
            return account_id, next_page
    raise Invalid("This form is not valid. Please sign in once more.")


@endpoint("GET", "/auth/passkey", media=Media.PAGE)
async def show_passkey(ctx: Context, request: web.Request, params: PasskeyParams) -> web.Response:
    """Show the button that signs in with a passkey."""
    if read_cookie(ctx, request, "browser") is None:
        return redirect("/auth/sign_in")  # which gives the browser its cookie
    return _passkey_page(ctx, request, params.next, None)


@endpoint("POST", "/auth/passkey", media=Media.PAGE)
async def use_passkey(ctx: Context, request: web.Request, params: PasskeyParams) -> web.Response:
    """Sign in with a passkey."""
    check_form(ctx, request, params.form_token)
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    count(ctx, LOGINS_PER_ADDRESS, address_key(address))
    try:
        account_id = await passkeys.authenticate(ctx, browser_of(ctx, request), params.credential)
    except Invalid as error:
        fault = str(error).removeprefix("Validation failed: ")
        return _passkey_page(ctx, request, params.next, fault)
    return await finish_sign_in(ctx, request, account_id, params.next)


def _passkey_page(
    ctx: Context, request: web.Request, next_page: str, fault: str | None
) -> web.Response:
    browser = browser_of(ctx, request)
    return form_page(
        ctx,
        request,
        "passkey.html",
        status=200 if fault is None else 422,
        scripts=True,
        next=next_page,
        options=passkeys.sign_in_options(ctx, browser),
        fault=fault,
    )

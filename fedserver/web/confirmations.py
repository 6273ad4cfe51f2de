"""The pages that mails lead to: confirming an address, choosing a new password.

A link alone changes nothing, since mail programs and scanners open links by themselves; the button
on its page does.
"""

from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.rate_limits import (
    CONFIRMATION_MAILS_PER_ACCOUNT,
    CONFIRMATION_MAILS_PER_ADDRESS,
    PASSWORD_RESETS_PER_ACCOUNT,
    PASSWORD_RESETS_PER_ADDRESS,
    Rule,
    address_key,
)
from fedserver.routing import Media, Params, endpoint
from fedserver.routing.client_address import ClientAddresses
from fedserver.services import password_resets, sign_ups
from fedserver.services.counting import count
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import private_page, redirect

_MAX_ADDRESS_CHARS: Final = 320


class ConfirmationParams(Params, frozen=True, kw_only=True):
    """The link in a mail, and the form on its page."""

    confirmation_token: str = ""
    form_token: str = ""


class ResetParams(Params, frozen=True, kw_only=True):
    """The link in a mail, and the form on its page."""

    reset_password_token: str = ""
    password: str = ""
    form_token: str = ""


class AddressParams(Params, frozen=True, kw_only=True):
    """Where a mail is to go."""

    email: str = ""
    form_token: str = ""


@endpoint("GET", "/auth/confirmation", media=Media.PAGE)
async def show_confirmation(
    ctx: Context, request: web.Request, params: ConfirmationParams
) -> web.Response:
    """Show the button that confirms the address. 404 for a link that is not valid any more."""
    await sign_ups.check_link(ctx, params.confirmation_token)
    return form_page(ctx, request, "confirmation.html", token=params.confirmation_token)


@endpoint("POST", "/auth/confirmation", media=Media.PAGE)
async def confirm(ctx: Context, request: web.Request, params: ConfirmationParams) -> web.Response:
    """Confirm the address; the account is there then, or waits for an admin."""
    check_form(ctx, request, params.form_token)
    done = await sign_ups.confirm(ctx, params.confirmation_token)
    if done.account_id is None:
        text = (
            "Your address is confirmed. An admin looks at your application; a mail will tell you."
        )
        return private_page(ctx, "message.html", title="Nearly there", text=text)
    return redirect("/auth/sign_in?welcome=1")


@endpoint("GET", "/auth/confirmation/new", media=Media.PAGE)
async def show_resend(ctx: Context, request: web.Request) -> web.Response:
    """Show the form that sends the confirmation once more."""
    return form_page(ctx, request, "mail_address.html", ask=_RESEND)


@endpoint("POST", "/auth/confirmation/new", media=Media.PAGE)
async def resend(ctx: Context, request: web.Request, params: AddressParams) -> web.Response:
    """Send the confirmation once more. The answer is the same whoever has the address."""
    check_form(ctx, request, params.form_token)
    per = CONFIRMATION_MAILS_PER_ADDRESS, CONFIRMATION_MAILS_PER_ACCOUNT
    _count(ctx, request, per, params.email)
    await sign_ups.send_again_to(ctx, params.email)
    return _sent(ctx, params.email)


@endpoint("GET", "/auth/password/new", media=Media.PAGE)
async def show_forgotten(ctx: Context, request: web.Request) -> web.Response:
    """Show the form for who forgot the password."""
    return form_page(ctx, request, "mail_address.html", ask=_FORGOTTEN)


@endpoint("POST", "/auth/password/new", media=Media.PAGE)
async def forgotten(ctx: Context, request: web.Request, params: AddressParams) -> web.Response:
    """Mail a link for a new password. The answer is the same whoever has the address."""
    check_form(ctx, request, params.form_token)
    per = PASSWORD_RESETS_PER_ADDRESS, PASSWORD_RESETS_PER_ACCOUNT
    _count(ctx, request, per, params.email)
    await password_resets.ask(ctx, params.email)
    return _sent(ctx, params.email)


@endpoint("GET", "/auth/password/edit", media=Media.PAGE)
async def show_new_password(
    ctx: Context, request: web.Request, params: ResetParams
) -> web.Response:
    """Show the form for a new password. 404 for a link that is not valid any more."""
    await password_resets.check_link(ctx, params.reset_password_token)
    return _password_form(ctx, request, params, None)


@endpoint("POST", "/auth/password/edit", media=Media.PAGE)
async def new_password(ctx: Context, request: web.Request, params: ResetParams) -> web.Response:
    """Set the new password; everything that the old one opened is closed."""
    check_form(ctx, request, params.form_token)
    try:
        await password_resets.choose(ctx, params.reset_password_token, params.password)
    except Invalid as error:
        return _password_form(ctx, request, params, str(error).removeprefix("Validation failed: "))
    return redirect("/auth/sign_in")


@endpoint("GET", "/.well-known/change-password", media=Media.PAGE)
async def change_password() -> web.Response:
    """Lead password managers to where a password is changed (W3C: change-password URL)."""
    return redirect("/auth/edit")


def _password_form(
    ctx: Context, request: web.Request, params: ResetParams, fault: str | None
) -> web.Response:
    return form_page(
        ctx,
        request,
        "new_password.html",
        status=200 if fault is None else 422,
        token=params.reset_password_token,
        fault=fault,
    )


def _count(ctx: Context, request: web.Request, rules: tuple[Rule, Rule], email: str) -> None:
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    count(ctx, rules[0], address_key(address))
    count(ctx, rules[1], email.strip().lower()[:_MAX_ADDRESS_CHARS])


def _sent(ctx: Context, email: str) -> web.Response:
    text = (
        f"If {email.strip()[:_MAX_ADDRESS_CHARS]} belongs to somebody here, a mail with a link is"
        " on its way. If none comes, look into the folder for spam."
    )
    return private_page(ctx, "message.html", title="Look into your mails", text=text)


_RESEND: Final = {
    "heading": "Confirm your address",
    "action": "/auth/confirmation/new",
    "hint": "The address that you signed up with: the mail with the link is sent once more.",
}
_FORGOTTEN: Final = {
    "heading": "Choose a new password",
    "action": "/auth/password/new",
    "hint": "The address of your account: a mail with a link is sent to it.",
}

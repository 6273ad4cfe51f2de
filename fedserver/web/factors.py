"""Turning one-time codes and passkeys on and off."""

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.routing import Media, Params, endpoint
from fedserver.services import passkeys, second_factor
from fedserver.web.forms import browser_of, check_form, form_page
from fedserver.web.rendering import private_page
from fedserver.web.settings import (
    PAGE,
    SettingParams,
    confirmed_person,
    settings_page,
    shown,
    signed_in,
)


class CodeParams(Params, frozen=True, kw_only=True):
    """The first code of an authenticator app."""

    code: str = ""
    form_token: str = ""


class NewPasskeyParams(Params, frozen=True, kw_only=True):
    """A passkey that a browser has made."""

    credential: str = ""
    name: str = ""
    form_token: str = ""


@endpoint("POST", f"{PAGE}/codes", media=Media.PAGE)
async def begin_codes(ctx: Context, request: web.Request, params: SettingParams) -> web.Response:
    """Show a new secret for an authenticator app, given the password."""
    try:
        _, user = await confirmed_person(ctx, request, params)
        enrolment = await second_factor.begin(ctx, user.account_id)
    except Invalid as error:
        fault = str(error).removeprefix("Validation failed: ")
        return await settings_page(ctx, request, fault=fault)
    return form_page(ctx, request, "codes.html", enrolment=enrolment)


@endpoint("POST", f"{PAGE}/codes/on", media=Media.PAGE)
async def turn_codes_on(ctx: Context, request: web.Request, params: CodeParams) -> web.Response:
    """Ask for codes from now on, if the app gives the right one; show the recovery codes once."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    try:
        codes = await second_factor.turn_on(ctx, user.account_id, params.code)
    except Invalid as error:
        fault = str(error).removeprefix("Validation failed: ")
        return await settings_page(ctx, request, fault=f"{fault}. Please begin once more.")
    return private_page(ctx, "recovery_codes.html", codes=codes)


@endpoint("POST", f"{PAGE}/codes/off", media=Media.PAGE)
async def turn_codes_off(ctx: Context, request: web.Request, params: SettingParams) -> web.Response:
    """Ask for no codes any more, given the password."""

    async def turn_off() -> None:
        _, user = await confirmed_person(ctx, request, params)
        await second_factor.turn_off(ctx, user.account_id)

    return await shown(ctx, request, turn_off(), "Signing in takes no code any more.")


@endpoint("POST", f"{PAGE}/passkeys/new", media=Media.PAGE)
async def begin_passkey(ctx: Context, request: web.Request, params: SettingParams) -> web.Response:
    """Show the button that makes a passkey, given the password."""
    try:
        _, user = await confirmed_person(ctx, request, params)
    except Invalid as error:
        fault = str(error).removeprefix("Validation failed: ")
        return await settings_page(ctx, request, fault=fault)
    options = await passkeys.registration_options(ctx, user, browser_of(ctx, request))
    return form_page(ctx, request, "new_passkey.html", scripts=True, options=options)


@endpoint("POST", f"{PAGE}/passkeys", media=Media.PAGE)
async def add_passkey(ctx: Context, request: web.Request, params: NewPasskeyParams) -> web.Response:
    """Keep the passkey that the browser has made."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    browser = browser_of(ctx, request)
    keeping = passkeys.register(ctx, user, browser, params.credential, params.name)
    return await shown(ctx, request, keeping, "The passkey is kept.")


@endpoint("POST", f"{PAGE}/passkeys/remove", media=Media.PAGE)
async def remove_passkey(ctx: Context, request: web.Request, params: SettingParams) -> web.Response:
    """Forget a passkey."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    removing = passkeys.remove(ctx, user.account_id, params.id)
    return await shown(ctx, request, removing, "The passkey is removed.")

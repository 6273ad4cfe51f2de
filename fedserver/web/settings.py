"""The page on which people change how they sign in, who acts for them, and whether they stay."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid, NotFound, Refused
from fedserver.rate_limits import LOGINS_PER_ACCOUNT
from fedserver.routing import Media, Params, endpoint
from fedserver.services import email_subscriptions, login_settings, passkeys, second_factor
from fedserver.services.counting import count
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import redirect
from fedserver.web.scope_texts import describe_scopes
from fedserver.web.sessions import current_session
from storage.oauth import AUTHORISED_APPLICATIONS, BROWSERS, SessionRow
from storage.users import USER_BY_ID, UserRow

PAGE: Final = "/auth/edit"


class SettingParams(Params, frozen=True, kw_only=True):
    """A form of this page. `current` is the password that the person has now."""

    current: str = ""
    password: str = ""
    email: str = ""
    id: int = 0
    form_token: str = ""


class LinkParams(Params, frozen=True, kw_only=True):
    """The link in a mail to a new address, and the form on its page."""

    token: str = ""
    form_token: str = ""


async def signed_in(ctx: Context, request: web.Request) -> tuple[SessionRow, UserRow]:
    """Give who is signed in. Raises Forbidden for nobody."""
    session = await current_session(ctx, request)
    if session is None:
        raise Forbidden("Please sign in first.")
    user = await ctx.db.one(USER_BY_ID, session.account_id)
    if user is None:
        raise Forbidden("Please sign in first.")
    return session, user


async def confirmed_person(
    ctx: Context, request: web.Request, params: SettingParams
) -> tuple[SessionRow, UserRow]:
    """Give who is signed in and has just given the password once more. Raises Forbidden, and
    Invalid for a wrong one."""
    check_form(ctx, request, params.form_token)
    session, user = await signed_in(ctx, request)
    count(ctx, LOGINS_PER_ACCOUNT, user.username)
    await login_settings.check_own_password(ctx, user.account_id, params.current)
    return session, user


async def own_page(
    ctx: Context,
    request: web.Request,
    page: Callable[[Context, web.Request], Awaitable[web.Response]],
) -> web.Response:
    """Give a page of one's own; who is not signed in does that first."""
    if await current_session(ctx, request) is None:
        return redirect("/auth/sign_in")
    return await page(ctx, request)


@endpoint("GET", PAGE, media=Media.PAGE)
async def show_settings(ctx: Context, request: web.Request) -> web.Response:
    """Show everything about signing in; who is not signed in does that first."""
    return await own_page(ctx, request, settings_page)


async def settings_page(
    ctx: Context, request: web.Request, *, told: str = "", fault: str = ""
) -> web.Response:
    """Give the page; `told` says what was done, `fault` why something was not."""
    session, user = await signed_in(ctx, request)
    values: dict[str, Any] = {
        "user": user,
        "session": session,
        "codes_on": await second_factor.is_on(ctx, user.account_id),
        "codes_left": await second_factor.codes_left(ctx, user.account_id),
        "passkeys": await passkeys.list_passkeys(ctx, user.account_id),
        "applications": [
            (one, describe_scopes(one.scopes))
            for one in await ctx.db.fetch(AUTHORISED_APPLICATIONS, user.account_id)
        ],
        "browsers": await ctx.db.fetch(BROWSERS, user.account_id, ctx.clock.now()),
        "mailing": {
            "possible": ctx.config.mail.subscriptions,
            "on": await email_subscriptions.is_offered(ctx, user.account_id),
        },
        "grace_days": login_settings.GRACE.days,
        "told": told,
        "fault": fault,
    }
    return form_page(ctx, request, "settings.html", status=422 if fault else 200, **values)


async def shown(
    ctx: Context, request: web.Request, doing: Awaitable[object], told: str
) -> web.Response:
    """Do something, and show the page with what came of it."""
    try:
        await doing
    except (Invalid, NotFound, Refused) as error:
        return await settings_page(
            ctx, request, fault=str(error).removeprefix("Validation failed: ")
        )
    return await settings_page(ctx, request, told=told)


@endpoint("POST", f"{PAGE}/password", media=Media.PAGE)
async def change_password(
    ctx: Context, request: web.Request, params: SettingParams
) -> web.Response:
    """Set a new password, given the old one; other browsers are signed out."""

    async def change() -> None:
        session, user = await confirmed_person(ctx, request, params)
        await login_settings.change_password(ctx, user.account_id, session.id, params.password)

    return await shown(ctx, request, change(), "The password is changed.")


@endpoint("POST", f"{PAGE}/email", media=Media.PAGE)
async def change_email(ctx: Context, request: web.Request, params: SettingParams) -> web.Response:
    """Mail a link to a new address, given the password."""

    async def ask() -> None:
        _, user = await confirmed_person(ctx, request, params)
        await login_settings.ask_for_new_address(ctx, user, params.email)

    return await shown(ctx, request, ask(), f"A link was sent to {params.email.strip()}.")


@endpoint("GET", f"{PAGE}/email", media=Media.PAGE)
async def show_new_email(ctx: Context, request: web.Request, params: LinkParams) -> web.Response:
    """Show the button that confirms a new address. 404 for a link that is not valid any more."""
    await login_settings.check_address_link(ctx, params.token)
    return form_page(ctx, request, "new_email.html", token=params.token)


@endpoint("POST", f"{PAGE}/email/confirm", media=Media.PAGE)
async def confirm_email(ctx: Context, request: web.Request, params: LinkParams) -> web.Response:
    """Take the new address."""
    check_form(ctx, request, params.form_token)
    await login_settings.change_address(ctx, params.token)
    return redirect(PAGE)


@endpoint("POST", f"{PAGE}/applications/revoke", media=Media.PAGE)
async def revoke_application(
    ctx: Context, request: web.Request, params: SettingParams
) -> web.Response:
    """Sign an application out."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    revoking = login_settings.revoke_application(ctx, user.account_id, params.id)
    return await shown(ctx, request, revoking, "The app is signed out.")


@endpoint("POST", f"{PAGE}/browsers/sign_out", media=Media.PAGE)
async def sign_browser_out(
    ctx: Context, request: web.Request, params: SettingParams
) -> web.Response:
    """Sign another browser out."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    ending = login_settings.sign_browser_out(ctx, user.account_id, params.id)
    return await shown(ctx, request, ending, "The browser is signed out.")


@endpoint("POST", f"{PAGE}/delete", media=Media.PAGE)
async def delete_account(ctx: Context, request: web.Request, params: SettingParams) -> web.Response:
    """Begin to delete the account, given the password; signing in soon enough keeps it."""
    try:
        _, user = await confirmed_person(ctx, request, params)
        await login_settings.ask_for_deletion(ctx, user)
    except Invalid as error:
        return await settings_page(
            ctx, request, fault=str(error).removeprefix("Validation failed: ")
        )
    return redirect("/")

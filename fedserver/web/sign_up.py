"""Signing up: with an invitation, which is how the owner of a new instance comes to be, or by
oneself where the house lets people in."""

from typing import Any

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import FedserverError, Invalid
from fedserver.rate_limits import SIGN_UPS, address_key
from fedserver.routing import Media, Params, UploadedFile, endpoint
from fedserver.routing.client_address import ClientAddresses
from fedserver.services import sign_ups, users
from fedserver.services.counting import count
from fedserver.web import bring_kit
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import private_page, redirect
from fedserver.web.sessions import start_session
from fedserver.web.sign_in import ACCOUNT_PAGE


class InvitationParams(Params, frozen=True, kw_only=True):
    """The link that was given."""

    invitation: str = ""


class SignUpParams(InvitationParams, frozen=True, kw_only=True):
    """The sign-up form. `kit` and `words` bring an account that was elsewhere, at once."""

    username: str = ""
    email: str = ""
    password: str = ""
    reason: str = ""
    date_of_birth: str = ""
    agreement: bool = False
    kit: UploadedFile | str = ""
    words: str = ""
    form_token: str = ""


@endpoint("GET", "/auth/sign_up", media=Media.PAGE)
async def show_sign_up(
    ctx: Context, request: web.Request, params: InvitationParams
) -> web.Response:
    """Show the sign-up form; 404 where it takes an invitation and there is none."""
    role = await _role(ctx, params.invitation)
    return _form(ctx, request, SignUpParams(invitation=params.invitation), role, None)


@endpoint("GET", "/invite/{code}", media=Media.PAGE)
async def follow_invitation(ctx: Context, code: str) -> web.Response:
    """Lead who was invited to the sign-up form."""
    await users.invited_role(ctx, code)
    return redirect(f"/auth/sign_up?invitation={code}")


@endpoint("POST", "/auth/sign_up", media=Media.PAGE)
async def sign_up(ctx: Context, request: web.Request, params: SignUpParams) -> web.Response:
    """Make the account of who was invited and sign in; mail a link to everybody else."""
    check_form(ctx, request, params.form_token)
    role = await _role(ctx, params.invitation)
    try:
        if role is None:
            return await _apply(ctx, request, params)
        return await _accept_invitation(ctx, request, params)
    except Invalid as error:
        return _form(ctx, request, params, role, error)


async def _role(ctx: Context, invitation: str) -> str | None:
    """Give the role that an invitation is for, None for who comes without one and may."""
    if invitation or ctx.config.registrations.mode == "closed":
        return await users.invited_role(ctx, invitation)
    return None


async def _accept_invitation(
    ctx: Context, request: web.Request, params: SignUpParams
) -> web.Response:
    brought = bring_kit.read_kit(params.kit, params.words)
    account_id = await users.sign_up(
        ctx, params.invitation, params.username, params.email, params.password
    )
    response = redirect(ACCOUNT_PAGE)
    if brought is not None:
        response = await _bring(ctx, request, account_id, brought)
    await start_session(ctx, request, response, account_id)
    return response


async def _bring(
    ctx: Context, request: web.Request, account_id: int, brought: bring_kit.Brought
) -> web.Response:
    """The account is made; if its kit cannot be brought, the page for that takes another try."""
    try:
        await bring_kit.bring_into(ctx, request, account_id, brought)
    except FedserverError as error:
        return private_page(
            ctx,
            "message.html",
            title="Your account is made, but the kit was not brought",
            text=f"{error} You are signed in: try again at {ctx.config.base_url}/auth/kit",
        )
    return redirect(bring_kit.PAGE)


async def _apply(ctx: Context, request: web.Request, params: SignUpParams) -> web.Response:
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    count(ctx, SIGN_UPS, address_key(address))
    wish = sign_ups.Wish(
        username=params.username,
        email=params.email,
        password=params.password,
        agreement=params.agreement,
        reason=params.reason,
        date_of_birth=sign_ups.read_date(params.date_of_birth),
    )
    await sign_ups.apply(ctx, wish)
    return private_page(
        ctx,
        "message.html",
        title="Look into your mails",
        text=f"A link was sent to {params.email.strip()}. Open it to confirm that the address is"
        " yours. If no mail comes, look into the folder for spam.",
    )


def _form(
    ctx: Context,
    request: web.Request,
    params: SignUpParams,
    role: str | None,
    error: Invalid | None,
) -> web.Response:
    return form_page(
        ctx,
        request,
        "sign_up.html",
        status=422 if error is not None else 200,
        params=params,
        role=role,
        house=ctx.config.registrations,
        faults=faults_of(error),
    )


def faults_of(error: Invalid | None) -> dict[str, list[str]]:
    """Give what is wrong with each field of a form; "" is the form as a whole."""
    if error is None:
        return {}
    details: dict[str, Any] = dict(error.details or {})
    if not details:
        return {"": [str(error).removeprefix("Validation failed: ")]}
    return {field: [one["description"] for one in found] for field, found in details.items()}

"""Signing up with an invitation: how the owner of a new instance comes to be."""

from typing import Any

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.routing import Media, Params, endpoint
from fedserver.services import users
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import redirect
from fedserver.web.sessions import start_session
from fedserver.web.sign_in import ACCOUNT_PAGE


class InvitationParams(Params, frozen=True, kw_only=True):
    """The link that was given."""

    invitation: str = ""


class SignUpParams(InvitationParams, frozen=True, kw_only=True):
    """The sign-up form."""

    username: str = ""
    email: str = ""
    password: str = ""
    form_token: str = ""


@endpoint("GET", "/auth/sign_up", media=Media.PAGE)
async def show_sign_up(
    ctx: Context, request: web.Request, params: InvitationParams
) -> web.Response:
    """Show the sign-up form to who has an invitation; 404 to others."""
    role = await users.invited_role(ctx, params.invitation)
    return _form(ctx, request, SignUpParams(invitation=params.invitation), role, None)


@endpoint("POST", "/auth/sign_up", media=Media.PAGE)
async def sign_up(ctx: Context, request: web.Request, params: SignUpParams) -> web.Response:
    """Make the account, sign in, and use the invitation up."""
    check_form(ctx, request, params.form_token)
    role = await users.invited_role(ctx, params.invitation)
    try:
        account_id = await users.sign_up(
            ctx, params.invitation, params.username, params.email, params.password
        )
    except Invalid as error:
        return _form(ctx, request, params, role, error)
    response = redirect(ACCOUNT_PAGE)
    await start_session(ctx, request, response, account_id)
    return response


def _form(
    ctx: Context, request: web.Request, params: SignUpParams, role: str, error: Invalid | None
) -> web.Response:
    faults: dict[str, Any] = dict(error.details or {}) if error is not None else {}
    return form_page(
        ctx,
        request,
        "sign_up.html",
        status=422 if error is not None else 200,
        params=params,
        role=role,
        faults={field: [one["description"] for one in found] for field, found in faults.items()},
    )

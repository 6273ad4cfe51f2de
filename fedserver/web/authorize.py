"""The page on which a person lets a client in (RFC 6749 §4.1.1; Mastodon API: oauth#authorize)."""

import re
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Media, Params, endpoint
from fedserver.services.grants import (
    Consent,
    OAuthError,
    check_challenge,
    granted_scopes,
    issue_code,
    known_client,
)
from fedserver.services.redirect_uris import OUT_OF_BAND, with_parameters
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import private_page, redirect
from fedserver.web.scope_texts import describe_scopes
from fedserver.web.sessions import current_session
from fedserver.web.sign_in import sign_in_first
from storage.oauth import ApplicationRow

_TRUE: Final = frozenset({"true", "t", "1", "on", "yes"})
_WRONG_REDIRECT: Final = (
    "The requested redirect uri is malformed or doesn't match client redirect URI."
)
_NATIVE_PAGE: Final = "/oauth/authorize/native"
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class AuthorizeParams(Params, frozen=True, kw_only=True):
    """An authorization request, and what the form adds to it."""

    client_id: str = ""
    redirect_uri: str = ""
    response_type: str = ""
    scope: str | None = None
    state: str | None = None
    code_challenge: str | None = None
    code_challenge_method: str | None = None
    force_login: str = ""
    decision: str = ""
    form_token: str = ""


class NativeParams(Params, frozen=True, kw_only=True):
    """A code to be copied by hand."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a client asks for, found to be in order."""

    application: ApplicationRow
    scopes: str


@endpoint("GET", "/oauth/authorize", media=Media.PAGE)
async def ask(ctx: Context, request: web.Request, params: AuthorizeParams) -> web.Response:
    """Ask the person; who is not signed in does that first, as does everybody on `force_login`."""
    try:
        wish = await _wish(ctx, params)
    except OAuthError as error:
        return _refusal(ctx, error)
    session = await current_session(ctx, request)
    if session is None or params.force_login.lower() in _TRUE:
        return sign_in_first(str(request.rel_url.without_query_params("force_login")))
    return form_page(
        ctx,
        request,
        "authorize.html",
        leads_away=True,
        application=wish.application,
        scopes=describe_scopes(wish.scopes.split()),
        session=session,
        params=params,
        out_of_band=params.redirect_uri == OUT_OF_BAND,
    )


@endpoint("POST", "/oauth/authorize", media=Media.PAGE)
async def answer(ctx: Context, request: web.Request, params: AuthorizeParams) -> web.Response:
    """Lead back to the client with a code, or with `access_denied`."""
    check_form(ctx, request, params.form_token)
    session = await current_session(ctx, request)
    if session is None:
        return redirect("/auth/sign_in")
    try:
        wish = await _wish(ctx, params)
    except OAuthError as error:
        return _refusal(ctx, error)
    if params.decision == "deny":
        return _denied(params)
    code = await issue_code(
        ctx,
        Consent(
            application=wish.application,
            account_id=session.account_id,
            redirect_uri=params.redirect_uri,
            scopes=wish.scopes,
            code_challenge=params.code_challenge or None,
        ),
    )
    if params.redirect_uri == OUT_OF_BAND:
        return redirect(with_parameters(_NATIVE_PAGE, {"code": code}))
    return _back(params, {"code": code})


@endpoint("DELETE", "/oauth/authorize", media=Media.PAGE)
async def deny(ctx: Context, request: web.Request, params: AuthorizeParams) -> web.Response:
    """Lead back to the client with `access_denied` (as Mastodon's own page does it)."""
    check_form(ctx, request, params.form_token)
    try:
        await _wish(ctx, params)
    except OAuthError as error:
        return _refusal(ctx, error)
    return _denied(params)


@endpoint("GET", _NATIVE_PAGE, media=Media.PAGE)
async def show_code(ctx: Context, request: web.Request, params: NativeParams) -> web.Response:
    """Show the code to who has no client that a browser can lead back to (RFC 6749, out of band).

    Mastodon API: oauth/authorize/native.
    """
    if await current_session(ctx, request) is None:
        return redirect("/auth/sign_in")
    # A link may have come from anybody: this page shows codes and no other messages.
    if _CODE.fullmatch(params.code) is None:
        raise NotFound("That is not a code of this server")
    return private_page(ctx, "native_code.html", code=params.code)


async def _wish(ctx: Context, params: AuthorizeParams) -> _Wish:
    application = await known_client(ctx, params.client_id)
    # First of all: an answer, also an error, never goes to an address that is not registered.
    if params.redirect_uri not in application.redirect_uris:
        raise OAuthError("invalid_request", _WRONG_REDIRECT)
    if params.response_type != "code":
        raise OAuthError(
            "unsupported_response_type",
            "The authorization server does not support this response type.",
        )
    check_challenge(params.code_challenge or None, params.code_challenge_method or None)
    return _Wish(application, granted_scopes(application, params.scope))


def _refusal(ctx: Context, error: OAuthError) -> web.Response:
    # Told here, not to the client: registration is open, so its address is anybody's (RFC 9700
    # §4.11.2 on open redirectors). Mastodon does the same.
    return private_page(
        ctx, "message.html", status=400, title="This client cannot be let in", text=str(error)
    )


def _denied(params: AuthorizeParams) -> web.Response:
    if params.redirect_uri == OUT_OF_BAND:
        return redirect("/")
    description = "The resource owner or authorization server denied the request."
    return _back(params, {"error": "access_denied", "error_description": description})


def _back(params: AuthorizeParams, parameters: dict[str, str]) -> web.Response:
    state = {} if params.state is None else {"state": params.state}
    return redirect(with_parameters(params.redirect_uri, {**parameters, **state}))

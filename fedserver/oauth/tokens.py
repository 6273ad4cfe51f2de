"""The token and revocation endpoints (RFC 6749 §3.2, RFC 7009), as lenient as clients need it.

Parameters that are not known are ignored, bodies may be forms or JSON, and credentials may come
in the Authorization header, in the body, or in both at once if they are equal.
"""

import base64
import binascii
from typing import Final
from urllib.parse import unquote_plus

import msgspec
from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.routing import Params, Reply, endpoint
from fedserver.routing.params import convert, read_params
from fedserver.services.grants import (
    NOT_YOUR_TOKEN,
    UNKNOWN_CLIENT,
    IssuedToken,
    OAuthError,
    authenticated_client,
    exchange_code,
    granted_scopes,
    issue_token,
    revoke,
)
from storage.oauth import ApplicationRow

_NEVER_KEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenParams(Params, frozen=True, kw_only=True):
    """What either endpoint may be sent."""

    grant_type: str | None = None
    client_id: str | None = None
    client_secret: str | None = None
    code: str | None = None
    code_verifier: str | None = None
    redirect_uri: str | None = None
    scope: str | None = None
    token: str | None = None


@endpoint("POST", "/oauth/token")
async def create_token(ctx: Context, request: web.Request) -> Reply:
    """Give a token for an authorization code or for the application alone.

    Mastodon API: oauth#token; there is no password grant, as in Mastodon since 4.
    """
    try:
        params = await read_oauth_params(request)
        application = await authenticated(ctx, request, params)
        issued = await _grant(ctx, application, params)
    except OAuthError as error:
        return refusal(error)
    return Reply(issued.as_json(), headers=_NEVER_KEPT)


@endpoint("POST", "/oauth/revoke")
async def revoke_token(ctx: Context, request: web.Request) -> Reply:
    """End a token of the calling application (Mastodon API: oauth#revoke)."""
    try:
        params = await read_oauth_params(request)
        await revoke(ctx, await _revoking_client(ctx, request, params), required(params, "token"))
    except OAuthError as error:
        return refusal(error)
    return Reply({})


async def read_oauth_params(request: web.Request) -> TokenParams:
    """Read what either endpoint may be sent. Raises OAuthError."""
    try:
        params = convert(await read_params(request, files=False), TokenParams)
    except Invalid as error:
        raise OAuthError("invalid_request", str(error)) from error
    assert isinstance(params, TokenParams)
    given = msgspec.structs.asdict(params)
    return msgspec.structs.replace(params, **{name: given[name] or None for name in given})


async def authenticated(ctx: Context, request: web.Request, params: TokenParams) -> ApplicationRow:
    """Give the application that calls. Raises OAuthError invalid_client."""
    credentials = {
        *_basic(request.headers.get("Authorization", "")),
        *_posted(params),
    }
    if not credentials:
        raise OAuthError("invalid_client", UNKNOWN_CLIENT, status=401)
    if len(credentials) > 1:
        raise OAuthError("invalid_request", "The client gave two different credentials.")
    client_id, secret = credentials.pop()
    return await authenticated_client(ctx, client_id, secret)


async def _revoking_client(
    ctx: Context, request: web.Request, params: TokenParams
) -> ApplicationRow:
    # Mastodon answers 403 here, for an unknown client as for the token of another one.
    try:
        return await authenticated(ctx, request, params)
    except OAuthError as error:
        raise OAuthError("unauthorized_client", NOT_YOUR_TOKEN, status=403) from error


def _posted(params: TokenParams) -> list[tuple[str, str]]:
    if params.client_id is None or params.client_secret is None:
        return []
    return [(params.client_id, params.client_secret)]


def _basic(authorization: str) -> list[tuple[str, str]]:
    """Read client credentials (RFC 6749 §2.3.1: form-encoded, then base64)."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        text = base64.b64decode(value.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise OAuthError("invalid_client", UNKNOWN_CLIENT, status=401) from error
    client_id, _, secret = text.partition(":")
    return [(unquote_plus(client_id), unquote_plus(secret))]


async def _grant(ctx: Context, application: ApplicationRow, params: TokenParams) -> IssuedToken:
    grant_type = required(params, "grant_type")
    if grant_type == "authorization_code":
        code, redirect_uri = required(params, "code"), required(params, "redirect_uri")
        return await exchange_code(ctx, application, code, redirect_uri, params.code_verifier)
    if grant_type == "client_credentials":
        return await issue_token(ctx, application, None, granted_scopes(application, params.scope))
    raise OAuthError(
        "unsupported_grant_type",
        "The authorization grant type is not supported by the authorization server.",
    )


def required(params: TokenParams, name: str) -> str:
    """Give a parameter. Raises OAuthError where it is missing."""
    value: str | None = getattr(params, name)
    if value is None:
        raise OAuthError("invalid_request", f"Missing required parameter: {name}.")
    return value


def refusal(error: OAuthError) -> Reply:
    """Give the answer to an error of the protocol (RFC 6749 §5.2)."""
    headers = dict(_NEVER_KEPT)
    if error.status == 401:
        headers["WWW-Authenticate"] = f'Bearer realm="fedserver", error="{error.code}"'
    body = {"error": error.code, "error_description": str(error)}
    return Reply(body, status=error.status, headers=headers)

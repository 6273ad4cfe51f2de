"""The two cookies: who is signed in, and which browser a form was given to."""

from typing import Final, Literal

from aiohttp import web
from yarl import URL

from fedserver.context import Context
from fedserver.routing.doors import door_of

Purpose = Literal["session", "browser"]
_MAX_CHARS: Final = 200


def read_cookie(ctx: Context, request: web.Request, purpose: Purpose) -> str | None:
    """Give the value that the browser sent, None without one."""
    value = request.cookies.get(_name(ctx, request, purpose))
    return value if value and len(value) <= _MAX_CHARS else None


def set_cookie(
    ctx: Context,
    request: web.Request,
    response: web.Response,
    purpose: Purpose,
    value: str,
    *,
    max_age_s: int,
) -> None:
    """Let the browser keep `value`: away from scripts, plain http, and requests of other sites.

    Lax, not Strict: a client's link to the authorize page must find its person signed in.
    """
    response.set_cookie(
        _name(ctx, request, purpose),
        value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=door_of(ctx.config, request).has_tls,
    )


def remove_cookie(
    ctx: Context, request: web.Request, response: web.Response, purpose: Purpose
) -> None:
    """Let the browser forget it."""
    set_cookie(ctx, request, response, purpose, "", max_age_s=0)


def _name(ctx: Context, request: web.Request, purpose: Purpose) -> str:
    door = door_of(ctx.config, request)
    if door.has_tls:
        # Browsers take a name that begins so only over TLS, for this host and all of its paths.
        return f"__Host-fedserver-{purpose}"
    # Browsers do not tell ports apart: two instances on localhost would share one cookie.
    return f"fedserver-{purpose}-{URL(door.base_url).port}"

"""The two cookies: who is signed in, and which browser a form was given to."""

from typing import Final, Literal

from aiohttp import web
from yarl import URL

from fedserver.context import Context

Purpose = Literal["session", "browser"]
_MAX_CHARS: Final = 200


def read_cookie(ctx: Context, request: web.Request, purpose: Purpose) -> str | None:
    """Give the value that the browser sent, None without one."""
    value = request.cookies.get(_name(ctx, purpose))
    return value if value and len(value) <= _MAX_CHARS else None


def set_cookie(
    ctx: Context, response: web.Response, purpose: Purpose, value: str, *, max_age_s: int
) -> None:
    """Let the browser keep `value`: away from scripts, plain http, and requests of other sites.

    Lax, not Strict: a client's link to the authorize page must find its person signed in.
    """
    response.set_cookie(
        _name(ctx, purpose),
        value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=not ctx.config.plain_http,
    )


def remove_cookie(ctx: Context, response: web.Response, purpose: Purpose) -> None:
    """Let the browser forget it."""
    set_cookie(ctx, response, purpose, "", max_age_s=0)


def _name(ctx: Context, purpose: Purpose) -> str:
    if not ctx.config.plain_http:
        # Browsers take a name that begins so only over TLS, for this host and all of its paths.
        return f"__Host-fedserver-{purpose}"
    # Browsers do not tell ports apart: two instances on localhost would share one cookie.
    return f"fedserver-{purpose}-{URL(ctx.config.base_url).port}"

"""Which answers pages of other origins may read: everything but the pages one signs in with."""

import re
from typing import Final

from aiohttp import web

_OPEN_PATHS: Final = (
    "/api/",
    "/oauth/token",
    "/oauth/revoke",
    "/oauth/userinfo",
    "/.well-known/",
    "/nodeinfo/",
    "/users/",
    "/@",
    "/actor",
    "/activities/",
    "/inbox",
    "/tags/",
    "/media/",
    "/proxy/",
    "/static/",
)
_EXPOSED: Final = (
    "Link, Mastodon-Async-Refresh, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset,"
    " X-Request-Id, Deprecation"
)
_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
_USUAL_HEADERS: Final = "Authorization, Content-Type, Idempotency-Key"
_HEADER_NAMES: Final = re.compile(r"[A-Za-z0-9_!#$%&'*+.^`|~-]+(?:[ ,]+[A-Za-z0-9_.-]+)*")
_MAX_ASKED_CHARS: Final = 1_000
_PREFLIGHT_MAX_AGE_S: Final = 7_200


def is_open(path: str) -> bool:
    """Say whether `path` is for pages of any origin (they send no cookies there)."""
    return path.startswith(_OPEN_PATHS)


def open_up(response: web.StreamResponse) -> None:
    """Let every origin read `response`, and its headers that clients use."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED


def preflight(request: web.Request) -> web.Response:
    """Answer an OPTIONS request (Fetch standard, CORS-preflight)."""
    return web.Response(
        status=204,
        headers={
            "Allow": _METHODS,
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": _allowed_headers(request),
            "Access-Control-Max-Age": str(_PREFLIGHT_MAX_AGE_S),
        },
    )


def _allowed_headers(request: web.Request) -> str:
    asked = request.headers.get("Access-Control-Request-Headers", "")
    if len(asked) <= _MAX_ASKED_CHARS and _HEADER_NAMES.fullmatch(asked):
        return asked
    return _USUAL_HEADERS

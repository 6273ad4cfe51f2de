"""Requests for what the caller may have already (RFC 9110 §13.1.2)."""

import re

from aiohttp import web

_TAG = re.compile(r'"[^"]*"')
# What a 304 repeats of the answer it stands for (RFC 9110 §15.4.5).
_REPEATED = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")


def unless_known(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Give 304 without a body where the caller has what `response` holds, by its ETag; otherwise
    the response itself."""
    tag = response.headers.get("ETag")
    asked = request.headers.get("If-None-Match")
    if tag is None or asked is None or response.status != 200:
        return response
    if request.method not in ("GET", "HEAD"):
        return response
    # Weak comparison: W/ does not count.
    if asked.strip() != "*" and not set(_TAG.findall(tag)) & set(_TAG.findall(asked)):
        return response
    kept = {name: response.headers[name] for name in _REPEATED if name in response.headers}
    return web.Response(status=304, headers=kept)

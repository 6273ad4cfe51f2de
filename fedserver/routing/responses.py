"""Answers: JSON bytes, and replies that need a status or headers of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from activitypub.signatures import accept_signature

JSON = Any  # what orjson writes: dict, list, str, numbers, None, datetime, orjson.Fragment


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that is not simply 200 with JSON."""

    body: JSON | bytes | str | None = None
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def to_response(result: Any) -> web.StreamResponse:
    """Make an HTTP response of what a handler gave."""
    if isinstance(result, web.StreamResponse):
        return result
    reply = result if isinstance(result, Reply) else Reply(result)
    return web.Response(
        status=reply.status,
        body=_body(reply.body),
        headers={"Content-Type": _with_charset(reply.content_type), **reply.headers},
    )


def _body(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    return orjson.dumps(body)


def _with_charset(content_type: str) -> str:
    needs_charset = content_type in ("application/json", "text/html", "text/plain")
    return f"{content_type}; charset=utf-8" if needs_charset else content_type


def error_reply(
    status: int, message: str, *, headers: Mapping[str, str] | None = None, **more: JSON
) -> web.Response:
    """Give `{"error": message, …}` (Mastodon API: every answer outside 2xx)."""
    return web.Response(
        status=status,
        body=orjson.dumps({"error": message, **more}),
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


def wanted_signature(*, with_body: bool) -> dict[str, str]:
    """Give the headers of a 401 that say how to sign: after draft-cavage §3.1.1 and RFC 9421 §5."""
    covered = "(request-target) host date digest" if with_body else "(request-target) host date"
    return {
        "WWW-Authenticate": f'Signature realm="fedserver",headers="{covered}"',
        "Accept-Signature": accept_signature(with_body=with_body),
    }

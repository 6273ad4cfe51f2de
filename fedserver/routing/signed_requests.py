"""A request as its signature speaks of it."""

from aiohttp import web

from activitypub.signatures import SignedRequest
from fedserver.context import Context
from fedserver.routing.doors import door_of


def signed_request(ctx: Context, request: web.Request, body: bytes) -> SignedRequest:
    """Give the request as its sender addressed it: to one of our doors, not to a proxy."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        known = headers.get(name.lower())
        headers[name.lower()] = value if known is None else f"{known}, {value}"
    return SignedRequest(
        method=request.method,
        url=(former_base(ctx, request) or door_of(ctx.config, request).base_url) + request.raw_path,
        headers=headers,
        body=body,
    )


def former_base(ctx: Context, request: web.Request) -> str | None:
    """Give the base that the sender wrote to where it is one that this instance had before: a peer
    may still reach us by that name."""
    if not ctx.domains.is_former(request.host):
        return None
    return f"{ctx.config.base_url.partition('://')[0]}://{request.host.lower()}"

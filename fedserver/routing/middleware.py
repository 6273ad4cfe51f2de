"""What happens around every request: its id, limits, errors as answers, and CORS."""

import secrets
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fedserver.context import Context
from fedserver.errors import NotFound, RateLimited
from fedserver.rate_limits import Verdict, headers
from fedserver.routing import cors
from fedserver.routing.doors import lead_through
from fedserver.routing.endpoints import Endpoint
from fedserver.routing.failures import REQUEST_ID, answer_to
from fedserver.routing.limits import Limits

_REQUEST_ID_BYTES = 8
_MAX_ADDRESS_CHARS = 8_000


def middlewares(ctx: Context, endpoints: Sequence[Endpoint] | None = None) -> list[Middleware]:
    """Give the middlewares of the application, the outermost first.

    It is a single one: each more costs every request a coroutine. `endpoints` are those that are
    served; None stands for all that are registered.
    """
    limits = Limits(ctx, endpoints)

    @web.middleware
    async def surround(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = request_id = secrets.token_hex(_REQUEST_ID_BYTES)
        is_open = cors.is_open(request.path)
        if is_open and request.method == "OPTIONS":
            response: web.StreamResponse = cors.preflight(request)
        else:
            response = await _limited(ctx, limits, request, handler)
        lead_through(ctx.config, request, response)
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        if is_open:
            cors.open_up(response)
        return response

    return [surround]


async def _limited(
    ctx: Context, limits: Limits, request: web.Request, handler: Handler
) -> web.StreamResponse:
    verdict = limits.check(request)
    if verdict is None:
        return await _answered(request, handler)
    if verdict.allowed:
        response = await _answered(request, handler)
        limits.learn(request, response.status)
    else:
        response = answer_to(request, _too_many(ctx, verdict))
    response.headers.update(headers(verdict))
    return response


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        if len(request.raw_path) > _MAX_ADDRESS_CHARS:
            raise web.HTTPRequestURITooLong
        if "\0" in request.path:
            raise NotFound  # no name has it, and no database takes it
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            return web.Response(status=error.status, headers=error.headers)
        return answer_to(request, error)
    except Exception as error:
        # The one place where a request ends whatever happened; `answer_to` logs the unexpected.
        return answer_to(request, error)


def _too_many(ctx: Context, verdict: Verdict) -> RateLimited:
    seconds = (verdict.reset_at - ctx.clock.now()).total_seconds()
    return RateLimited("Too many requests", retry_after_s=seconds)


def serve_heads(app: web.Application) -> None:
    """Answer HEAD wherever GET is answered (RFC 9110 §9.3.2); call it after mounting."""
    for resource in app.router.resources():
        routes = {route.method: route for route in resource}
        if isinstance(resource, web.Resource) and "GET" in routes and "HEAD" not in routes:
            resource.add_route("HEAD", routes["GET"].handler)

"""Endpoints become routes of an aiohttp application."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, get_args

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import NotFound, Unauthorized
from fedserver.routing.callers import (
    TOKEN,
    AppToken,
    Caller,
    Newcomer,
    read_token,
    require_scopes,
)
from fedserver.routing.conditional import unless_known
from fedserver.routing.endpoints import ENDPOINT, Endpoint, Media
from fedserver.routing.offsets import OffsetPage
from fedserver.routing.pages import Page
from fedserver.routing.params import Params, convert, read_params, takes_files
from fedserver.routing.responses import to_response

CONTEXT: web.AppKey[Context] = web.AppKey("context", Context)
_ACTIVITY_TYPES = ("application/activity+json", "application/ld+json")

Argument = Callable[[Context, web.Request], Awaitable[Any]]
RouteHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def mount(app: web.Application, endpoints: Iterable[Endpoint]) -> None:
    """Add a route for each method and path; those that share one are told apart by Accept."""
    by_route: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
    for one in endpoints:
        by_route[one.method, one.path].append(one)
    for (method, path), sharing in by_route.items():
        handlers = {one.media: _make_handler(one) for one in sharing}
        handler = _choose(handlers)
        app.router.add_route(method, path, handler)
        if Media.API in handlers:
            # Rails takes a slash at the end as nothing, and client libraries rely on it.
            app.router.add_route(method, f"{path}/", handler)


def _choose(handlers: dict[Media, RouteHandler]) -> RouteHandler:
    if len(handlers) == 1:
        return next(iter(handlers.values()))
    page = handlers.get(Media.PAGE) or next(iter(handlers.values()))
    activity = handlers.get(Media.ACTIVITY) or handlers.get(Media.API) or page

    async def negotiate(request: web.Request) -> web.StreamResponse:
        response = await (activity if wants_activity(request) else page)(request)
        response.headers["Vary"] = "Accept"
        return response

    return negotiate


def wants_activity(request: web.Request) -> bool:
    """Whether the client asks for an ActivityPub document rather than a page."""
    accept = request.headers.get("Accept", "")
    if any(kind in accept for kind in _ACTIVITY_TYPES):
        return True
    return "text/html" not in accept and "application/json" in accept


def _make_handler(one: Endpoint) -> RouteHandler:
    arguments = {name: _argument(one, name, hint) for name, hint in one.hints.items()}

    async def handle(request: web.Request) -> web.StreamResponse:
        ctx = request.app[CONTEXT]
        request[ENDPOINT] = one
        values = {name: await read(ctx, request) for name, read in arguments.items()}
        result = await one.handler(**values)
        if isinstance(result, (Page, OffsetPage)):
            result = result.reply(request, ctx.config.base_url)
        response = to_response(result)
        if one.media is Media.ACTIVITY and ctx.config.federation.only_signed_fetches:
            # What a cache kept it would give to those who do not sign, too.
            response.headers["Cache-Control"] = "private, no-store"
        return unless_known(request, response)

    return handle


def _argument(one: Endpoint, name: str, hint: Any) -> Argument:
    choices = get_args(hint) or (hint,)
    if hint is Context:
        return _give_context
    if hint is web.Request:
        return _give_request
    if Caller in choices:
        return _caller(one, required=type(None) not in choices)
    if AppToken in choices:
        return _app_token(one)
    if hint is Newcomer:
        return _newcomer(one)
    if isinstance(hint, type) and issubclass(hint, Params):
        return _params(hint)
    return _path_value(name, hint)


async def _give_context(ctx: Context, _request: web.Request) -> Context:
    return ctx


async def _give_request(_ctx: Context, request: web.Request) -> web.Request:
    return request


def _caller(one: Endpoint, *, required: bool) -> Argument:
    async def read(ctx: Context, request: web.Request) -> Caller | None:
        token = await read_token(ctx, request)
        request[TOKEN] = token
        if token is not None and token.account_id is not None:
            require_scopes(token, one.scopes)
            return Caller(token.account_id, token)
        if required:
            if token is None:
                raise Unauthorized("The access token is invalid")
            raise Unauthorized("This method requires an authenticated user", status=422)
        return None

    return read


def _app_token(one: Endpoint) -> Argument:
    async def read(ctx: Context, request: web.Request) -> AppToken:
        token = await read_token(ctx, request)
        request[TOKEN] = token
        if token is None:
            raise Unauthorized("The access token is invalid")
        require_scopes(token, one.scopes)
        return AppToken(token)

    return read


def _newcomer(one: Endpoint) -> Argument:
    async def read(ctx: Context, request: web.Request) -> Newcomer:
        token = await read_token(ctx, request, newcomers=True)
        request[TOKEN] = token
        if token is None:
            raise Unauthorized("The access token is invalid")
        if token.account_id is None and token.sign_up_id is None:
            raise Unauthorized("This method requires an authenticated user", status=422)
        require_scopes(token, one.scopes)
        return Newcomer(token.sign_up_id, token.account_id, token)

    return read


def _params(struct: type[Params]) -> Argument:
    files = takes_files(struct)

    async def read(_ctx: Context, request: web.Request) -> Params:
        return convert(await read_params(request, files=files), struct)

    return read


def _path_value(name: str, hint: Any) -> Argument:
    async def read(_ctx: Context, request: web.Request) -> int | str:
        text = request.match_info[name]
        if hint is str:
            return text
        if not text.isascii() or not text.isdigit() or len(text) > 19 or int(text) >= 2**63:
            raise NotFound("Record not found")
        return int(text)

    return read

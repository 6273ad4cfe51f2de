"""The `@endpoint` decorator and the list of what it decorated."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, get_type_hints

from aiohttp import web

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])


class Media(StrEnum):
    """What an endpoint speaks; two endpoints may share a path, and Accept decides."""

    API = "api"  # JSON in and out, errors as {"error": …}
    ACTIVITY = "activity"  # ActivityPub documents
    PAGE = "page"  # HTML, errors as pages


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A handler and the data attached to it."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Any]]
    scopes: tuple[str, ...]
    media: Media
    rate: str
    hints: dict[str, Any]
    always_empty: bool = False

    @property
    def name(self) -> str:
        return f"{self.handler.__module__}.{self.handler.__name__}"


ENDPOINT: web.RequestKey[Endpoint] = web.RequestKey("endpoint", Endpoint)
_endpoints: list[Endpoint] = []


def endpoint(
    method: str,
    path: str,
    *,
    scope: str | tuple[str, ...] = (),
    media: Media = Media.API,
    rate: str = "api",
    always_empty: bool = False,
) -> Callable[[Handler], Handler]:
    """Serve `method path` by the decorated function.

    Its parameters are filled by type and name: `ctx: Context`; `caller: Caller` (a person's token
    is needed), `Caller | None` (public), `app: AppToken` (any token), `newcomer: Newcomer` (who
    may still be signing up); `request: web.Request`; one `Params` struct; and the path's own
    placeholders as `str` or `int` (not a number: 404). `scope` names the scopes of which the token
    must cover one. `rate` names a rate-limit class. Several decorators may stand on one function.
    `always_empty`: its answer is the same empty list for everybody, since what it would list does
    not exist here; it is not counted as something that this server can do.
    """

    def register(handler: Handler) -> Handler:
        scopes = (scope,) if isinstance(scope, str) else scope
        hints = get_type_hints(handler)
        hints.pop("return", None)
        _check_signature(handler)
        _endpoints.append(Endpoint(method, path, handler, scopes, media, rate, hints, always_empty))
        return handler

    return register


def _check_signature(handler: Callable[..., Awaitable[Any]]) -> None:
    kinds = {parameter.kind for parameter in inspect.signature(handler).parameters.values()}
    if kinds & {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}:
        raise TypeError(f"{handler.__name__}: an endpoint names each of its parameters")


def all_endpoints() -> list[Endpoint]:
    """Give every endpoint whose module was imported, by path and method."""
    return sorted(_endpoints, key=lambda one: (one.path, one.method, one.media))

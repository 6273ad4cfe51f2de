"""What both kinds of connection have in common."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from fedserver.context import Context
from fedserver.routing import Params, Token
from fedserver.routing.callers import TOKEN
from fedserver.routing.client_address import ClientAddresses
from fedserver.routing.doors import client_text
from fedserver.routing.responses import error_reply
from fedserver.streaming.clients import Client
from fedserver.streaming.hub import Hub
from fedserver.streaming.topics import CannotStream, Listener

HUB: web.AppKey[Hub] = web.AppKey("streams", Hub)


class StreamParams(Params, frozen=True, kw_only=True):
    """Which stream, of those that have parameters."""

    stream: str | None = None
    tag: str = ""
    list: str = ""
    only_media: bool = False


def listener_of(ctx: Context, request: web.Request) -> Listener:
    """Give who asks. Reading the caller has put the token there."""
    token: Token | None = request.get(TOKEN)
    return Listener(token, ClientAddresses(ctx.config.server.trusted_proxies).of(request))


def client_of(ctx: Context, request: web.Request) -> Client:
    """Give the connection of who asks; what it is sent leads through its own door."""
    return Client(listener_of(ctx, request), request, client_text(ctx.config, request))


@asynccontextmanager
async def connected(hub: Hub, client: Client) -> AsyncIterator[None]:
    """Count `client` among those who listen, to the end of the block.

    Raises CannotStream where it may not come in.
    """
    await hub.enter(client)
    try:
        yield
    finally:
        hub.register.leave(client)


def refusal(error: CannotStream) -> web.Response:
    """Give the answer to whoever cannot have a stream."""
    headers = {"Retry-After": "60"} if error.status == 429 else None
    return error_reply(error.status, str(error), headers=headers)

"""Streams: what happens is told to clients at once, over WebSockets and server-sent events."""

from aiohttp import web

from fedserver.context import Context
from fedserver.streaming import server_sent, websockets
from fedserver.streaming.connecting import HUB
from fedserver.streaming.hub import Hub
from fedserver.streaming.topics import STREAMS

__all__ = ["HUB", "STREAMS", "Hub", "add_streams", "server_sent", "websockets"]


def add_streams(app: web.Application, ctx: Context) -> Hub:
    """Give the application its hub, which `run` has to keep going; it ends with the server."""
    hub = app[HUB] = Hub(ctx)

    async def end_all(_app: web.Application) -> None:
        hub.end_all()

    app.on_shutdown.append(end_all)
    return hub

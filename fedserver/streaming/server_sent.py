"""Server-sent events (Mastodon API: streaming, HTTP)."""

import asyncio

from aiohttp import web

from fedserver.context import Context
from fedserver.routing import Caller, Reply, endpoint
from fedserver.routing.cors import open_up
from fedserver.streaming.clients import Client
from fedserver.streaming.connecting import (
    HUB,
    StreamParams,
    client_of,
    connected,
    refusal,
)
from fedserver.streaming.topics import CannotStream, find_stream

THUMP_EVERY_S = 15.0
_MEDIA_TOO = frozenset({"public", "public/local", "public/remote"})


@endpoint("GET", "/api/v1/streaming/health")
async def health() -> Reply:
    """Say that streams can be had (Mastodon API: streaming#health)."""
    return Reply("OK", content_type="text/plain")


@endpoint("GET", "/api/v1/streaming/user")
@endpoint("GET", "/api/v1/streaming/user/notification")
@endpoint("GET", "/api/v1/streaming/public")
@endpoint("GET", "/api/v1/streaming/public/local")
@endpoint("GET", "/api/v1/streaming/public/remote")
@endpoint("GET", "/api/v1/streaming/hashtag")
@endpoint("GET", "/api/v1/streaming/hashtag/local")
@endpoint("GET", "/api/v1/streaming/list")
@endpoint("GET", "/api/v1/streaming/direct")
async def stream(
    ctx: Context, caller: Caller | None, request: web.Request, params: StreamParams
) -> web.StreamResponse:
    """Tell what happens for as long as the client stays (Mastodon API: streaming).

    Scopes are those of the stream. 400 for parameters that do not fit, 401 without the token or
    the scope, 429 for too many connections at once.
    """
    hub, client = request.app[HUB], client_of(ctx, request)
    try:
        found = await find_stream(
            ctx, client.listener, _name(request, params), tag=params.tag, list_id=params.list
        )
        async with connected(hub, client):
            hub.register.subscribe(client, found)
            return await _serve(request, client)
    except CannotStream as error:
        return refusal(error)


def _name(request: web.Request, params: StreamParams) -> str:
    path = request.path.removeprefix("/api/v1/streaming/").strip("/")
    name = path.replace("/", ":")
    return f"{name}:media" if params.only_media and path in _MEDIA_TOO else name


async def _serve(request: web.Request, client: Client) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "private, no-store",
            # nginx would keep it back until its buffer is full.
            "X-Accel-Buffering": "no",
        }
    )
    open_up(response)
    await response.prepare(request)
    if request.method != "HEAD":
        try:
            await _write(response, client)
        except ConnectionError:
            client.cut_off()  # the client went, or was sent away
    return response


async def _write(response: web.StreamResponse, client: Client) -> None:
    await response.write(b":)\n")
    while True:
        try:
            async with asyncio.timeout(THUMP_EVERY_S):
                heard = await client.next()
        except TimeoutError:
            await response.write(b":thump\n")
            continue
        if heard is None:
            return
        lines = heard[1].lines()
        await response.write(lines if client.lead is None else client.lead(lines))

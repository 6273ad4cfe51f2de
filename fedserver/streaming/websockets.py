"""WebSockets: one connection for any number of streams (Mastodon API: streaming, WebSocket)."""

import asyncio
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from fedserver.context import Context
from fedserver.routing import Caller, endpoint
from fedserver.streaming.clients import Client
from fedserver.streaming.connecting import (
    HUB,
    StreamParams,
    client_of,
    connected,
    refusal,
)
from fedserver.streaming.hub import Hub
from fedserver.streaming.topics import CannotStream, Stream, find_stream

PING_EVERY_S = 30.0
_MAX_MESSAGE_BYTES = 8 * 1024


@endpoint("GET", "/api/v1/streaming")
async def stream(
    ctx: Context, caller: Caller | None, request: web.Request, params: StreamParams
) -> web.StreamResponse:
    """Open a WebSocket; with `stream` it begins with that one (Mastodon API: streaming#websocket).

    What is wrong with the token or the stream is told as JSON before the upgrade, what is wrong
    with a later subscription as a message. No Origin is checked: no cookie counts here.
    """
    socket = _socket(request)
    if not socket.can_prepare(request).ok:
        return refusal(CannotStream(400, "Unknown channel requested"))
    hub, client = request.app[HUB], client_of(ctx, request)
    try:
        first = await _first(ctx, client, params)
        async with connected(hub, client):
            await socket.prepare(request)
            if first is not None:
                hub.register.subscribe(client, first)
            await _serve(ctx, hub, client, socket)
    except CannotStream as error:
        return refusal(error)
    return socket


def _socket(request: web.Request) -> web.WebSocketResponse:
    """Chromium closes the connection unless a sub-protocol that it named is chosen; clients put
    their token there."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "").partition(",")[0].strip()
    return web.WebSocketResponse(
        protocols=(offered,) if offered else (),
        heartbeat=PING_EVERY_S,
        compress=False,
        max_msg_size=_MAX_MESSAGE_BYTES,
    )


async def _first(ctx: Context, client: Client, params: StreamParams) -> Stream | None:
    if params.stream:
        return await find_stream(
            ctx, client.listener, params.stream, tag=params.tag, list_id=params.list
        )
    if client.listener.token is None:
        raise CannotStream(401, "Missing access token")
    return None


async def _serve(ctx: Context, hub: Hub, client: Client, socket: web.WebSocketResponse) -> None:
    async with asyncio.TaskGroup() as tasks:
        writing = tasks.create_task(_write(client, socket))
        try:
            await _read_all(ctx, hub, client, socket)
        finally:
            writing.cancel()


async def _read_all(ctx: Context, hub: Hub, client: Client, socket: web.WebSocketResponse) -> None:
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                answer = await _obey(ctx, hub, client, message.data)
                if answer is not None:
                    await socket.send_str(answer)
    except ConnectionError:
        client.cut_off()  # the client went, or was sent away


async def _write(client: Client, socket: web.WebSocketResponse) -> None:
    try:
        while heard := await client.next():
            label, message = heard
            frame = message.frame(label)
            if client.lead is not None:
                frame = client.lead(frame.encode()).decode()
            await socket.send_str(frame)
        await socket.close()
    except ConnectionError:
        client.cut_off()


async def _obey(ctx: Context, hub: Hub, client: Client, text: str) -> str | None:
    """Do what a message of the client says; give what to tell it, if anything."""
    asked = _read(text)
    name, about = _named(asked)
    try:
        if asked.get("type") == "subscribe":
            found = await find_stream(ctx, client.listener, name, **about)
            hub.register.subscribe(client, found)
        elif asked.get("type") == "unsubscribe":
            found = await find_stream(ctx, client.listener, name, **about)
            hub.register.unsubscribe(client, found.label)
    except CannotStream as error:
        return orjson.dumps({"error": str(error), "status": error.status}).decode()
    return None


def _read(text: str) -> dict[str, Any]:
    try:
        asked = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _named(asked: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Give name and parameters of a stream. `stream` may be the array that our messages have."""
    stream = asked.get("stream")
    parts = stream if isinstance(stream, list) else [stream]
    name, *more = [_text(part) for part in parts] or [""]
    about = more[0] if more else ""
    return name, {
        "tag": _text(asked.get("tag")) or about,
        "list_id": _text(asked.get("list")) or about,
    }


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) else ""

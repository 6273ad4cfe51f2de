"""One open connection: what waits to be sent, and what happens to whoever does not read."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from fedserver.streaming.messages import Message
from fedserver.streaming.topics import Listener, Stream

# Whoever has not read so many is cut off, and reads the timelines again when back.
MAX_WAITING = 500
_END_WITHIN_S = 0.5

Lead = Callable[[bytes], bytes]
Heard = tuple[tuple[str, ...], Message]


class Client:
    """Somebody who listens. Its queue is bounded; what it holds is shared with other clients."""

    def __init__(self, listener: Listener, request: web.Request, lead: Lead | None = None) -> None:
        """`lead` changes what is sent so that it leads through the listener's own door."""
        self.listener = listener
        self.lead = lead
        self.viewer = listener.viewer
        self.streams: dict[tuple[str, ...], Stream] = {}
        self._transport = request.transport
        self._waiting: asyncio.Queue[Heard | None] = asyncio.Queue(MAX_WAITING)
        self._ended = False

    def tell(self, stream: tuple[str, ...], message: Message) -> None:
        """Send `message` soon; a client that does not read is cut off instead."""
        if self._ended:
            return
        try:
            self._waiting.put_nowait((stream, message))
        except asyncio.QueueFull:
            self.cut_off()

    async def next(self) -> Heard | None:
        """Give the next to send, None at the end."""
        return await self._waiting.get()

    def end(self) -> None:
        """Close the connection: politely, and after half a second in any case."""
        if self._ended:
            return
        self._stop()
        asyncio.get_running_loop().call_later(_END_WITHIN_S, self._abort)

    def cut_off(self) -> None:
        """Close the connection at once."""
        self._stop()
        self._abort()

    def _stop(self) -> None:
        """Forget what waits, so that nothing more is sent."""
        self._ended = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

"""What came of the log and is not cut into entries yet."""

import asyncio
from typing import Final

from storage.server.wal_stream import Heartbeat, Piece, StreamLost, WalStream

_MOST_CHUNKS: Final = 4


class Received:
    """A buffer between the stream and the one who cuts; the stream waits while it is full."""

    def __init__(self, start: int, chunk_bytes: int) -> None:
        self.flushed = start
        self._start = start
        self._pieces: list[bytes] = []
        self._size = 0
        self._chunk_bytes = chunk_bytes
        self._changed = asyncio.Condition()
        self._hurried = False

    async def fill(self, stream: WalStream) -> None:
        """Take what the stream gives, until it is lost."""
        async for one in stream.pieces():
            if isinstance(one, Heartbeat):
                if one.asks:
                    await stream.confirm(self.flushed)
                continue
            await self._take(one)

    async def _take(self, piece: Piece) -> None:
        async with self._changed:
            if piece.start != self._start + self._size:
                raise StreamLost(f"the log jumps to {piece.start:X}")
            self._pieces.append(piece.data)
            self._size += len(piece.data)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._size < _MOST_CHUNKS * self._chunk_bytes)

    async def hurry(self) -> None:
        """Have what is there cut now."""
        async with self._changed:
            self._hurried = True
            self._changed.notify_all()

    async def chunk(self, wait_s: float) -> Piece:
        """Wait for something, then up to `wait_s` for more, and give it."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._size)
            if wait_s:
                await self._wait_for_more(wait_s)
            piece = Piece(self._start, b"".join(self._pieces))
            self._start, self._size = piece.end, 0
            self._pieces.clear()
            self._hurried = False
            self._changed.notify_all()
            return piece

    async def _wait_for_more(self, wait_s: float) -> None:
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait_for(
                    lambda: self._hurried or self._size >= self._chunk_bytes
                )
        except TimeoutError:
            pass

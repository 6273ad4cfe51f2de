"""Files that are one caller's own: sent as they are read, never cached."""

import asyncio
from typing import IO, Final

from aiohttp import web

_PIECE_BYTES: Final = 256 * 1024


async def send_file(
    request: web.Request, file: IO[bytes], size: int, *, name: str
) -> web.StreamResponse:
    """Send an open file of `size` bytes as the download `name`, and close it."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
    }
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    with file:
        await response.prepare(request)
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            await response.write(piece)
        await response.write_eof()
    return response

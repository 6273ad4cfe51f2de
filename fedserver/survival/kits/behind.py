"""Kits that people bring by a page: the answer waits for what matters most, a worker does the rest.

Words and plain kit are in this process's memory only. When it ends, they are gone, and the person
brings the kit once more: it goes on where it was.
"""

import asyncio
import io
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator
from typing import IO, Any, BinaryIO, Final, cast
from weakref import WeakKeyDictionary

from fedserver.context import Context
from fedserver.errors import FedserverError, Unavailable
from fedserver.recovery.keys import RecoveryKey
from fedserver.survival.kits.bringing import Step, bring_kit
from fedserver.survival.kits.fetching import newest_kit

log = logging.getLogger(__name__)

_MAX_WAITING: Final = 8
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024
_waiting: WeakKeyDictionary[Any, "asyncio.Queue[AsyncIterator[Step]]"] = WeakKeyDictionary()


async def bring_by_page(
    ctx: Context, account_id: int, sealed: IO[bytes] | str, key: RecoveryKey
) -> None:
    """Bring identity, followers and lists; posts come behind.

    `sealed` is a file, or the name of the mirror that keeps the kit. Raises as `bring_kit` and
    `newest_kit`, and Unavailable where too many others are at it.
    """
    if _queue(ctx).full():
        raise Unavailable("Others bring their kits just now; please try again in some minutes")
    if isinstance(sealed, str):
        _, content = await newest_kit(ctx, sealed, key)
        sealed = io.BytesIO(content)
    steps = _copied(ctx, account_id, sealed, key)
    async for step in steps:
        if step.what in ("posts", "done"):
            _queue(ctx).put_nowait(steps)
            return


async def _copied(
    ctx: Context, account_id: int, sealed: IO[bytes], key: RecoveryKey
) -> AsyncIterator[Step]:
    """Bring a copy: the upload is gone when the request is answered."""
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        copy = cast("BinaryIO", file)
        await asyncio.to_thread(shutil.copyfileobj, sealed, copy)
        copy.seek(0)
        async for step in bring_kit(ctx, account_id, copy, key):
            yield step


async def bring_the_rest(ctx: Context) -> None:
    """Finish what was begun, one kit after another, until cancelled."""
    while True:
        steps = await _queue(ctx).get()
        try:
            async for _ in steps:
                pass
        except FedserverError as error:
            log.warning("a kit was not brought to its end: %s", error)


def _queue(ctx: Context) -> "asyncio.Queue[AsyncIterator[Step]]":
    found = _waiting.get(ctx.out)
    if found is None:
        found = _waiting[ctx.out] = asyncio.Queue(_MAX_WAITING)
    return found

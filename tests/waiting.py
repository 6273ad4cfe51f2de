"""Waiting for what another process or instance does, bounded."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
_STEP_S = 0.02


async def until(ask: Callable[[], Awaitable[T]], *, within_s: float = 15) -> T:
    """Ask again and again until the answer is true, and give it."""
    async with asyncio.timeout(within_s):
        while True:
            answer = await ask()
            if answer:
                return answer
            await asyncio.sleep(_STEP_S)

"""The order in which a restored instance comes back: what peers need first, then people.

`returns` in the database says how far it is, so any number of processes go the same way. Mastodon
gives a host up after seven days of failures and forgives at the first signed request; so peers come
first. Then those who have a session; passwords and newcomers last, when the others are served.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fedserver.context import Context
from fedserver.routing.responses import error_reply
from fedserver.survival.vault.greeting import catch_up, greet
from storage.conditions import END_RESTORE
from storage.vault import (
    CURRENT_RETURN,
    FINISH_RETURN,
    NEXT_STAGE,
    NOTE_IN_RETURN,
    RELEASE_LANES,
    ReturnRow,
)

log = logging.getLogger(__name__)

Job = Callable[[Context, ReturnRow], Awaitable[dict[str, Any]]]

FIRST_STAGE: Final = "identities"
_LANES_WITHIN_S: Final = 60.0
_LOOK_EVERY_S: Final = 1.0
_RETRY_AFTER_S: Final = "10"
_COMING_BACK: Final = "This server is coming back after a loss. This will be possible again soon"


async def _release_deliveries(ctx: Context, _row: ReturnRow) -> dict[str, Any]:
    await ctx.db.execute(RELEASE_LANES, ctx.clock.now(), _LANES_WITHIN_S)
    return {}


async def _complete(ctx: Context, _row: ReturnRow) -> dict[str, Any]:
    await ctx.db.execute(END_RESTORE)
    return {}


@dataclass(frozen=True, slots=True)
class Stage:
    """A step of the way back. `job` begins with it; the next stage comes when the job is done or
    has taken `job_limit_s` (then it goes on beside), and not before `least_s`."""

    name: str
    least_s: float = 0.0
    job: Job | None = None
    job_limit_s: float = 0.0


# What each opens is in `_needed`; docs/survival.md has the same table in words.
STAGES: Final = (
    Stage(FIRST_STAGE),
    Stage("inbox"),
    Stage("hello", job=greet, job_limit_s=10.0),
    Stage("reads", least_s=1.0),
    Stage("writes", least_s=1.0),
    Stage("deliveries", job=_release_deliveries, job_limit_s=10.0),
    Stage("backfill", job=catch_up, job_limit_s=60.0),
    Stage("log_in", least_s=120.0, job=_complete, job_limit_s=10.0),
    Stage("registrations", least_s=600.0),
)
_PLACES: Final = {stage.name: number for number, stage in enumerate(STAGES)}


async def come_back(ctx: Context) -> None:
    """Go from stage to stage until all is open; at once over where nothing was restored."""
    async with asyncio.TaskGroup() as beside:
        while (row := await ctx.db.one(CURRENT_RETURN)) is not None:
            place = _PLACES[row.stage]
            await _begin(ctx, STAGES[place], row, beside)
            await _wait_out(ctx, STAGES[place], row)
            now = ctx.clock.now()
            if place + 1 == len(STAGES):
                await ctx.db.execute(FINISH_RETURN, row.id, now)
                log.info("the instance is back, all of it")
                return
            following = STAGES[place + 1].name
            await ctx.db.execute(NEXT_STAGE, row.id, row.stage, following, now)
            log.info("coming back: stage %s", following)


async def _begin(ctx: Context, stage: Stage, row: ReturnRow, beside: asyncio.TaskGroup) -> None:
    if stage.job is not None:
        work = beside.create_task(_noted(ctx, stage, row), name=f"coming back: {stage.name}")
        await asyncio.wait([work], timeout=stage.job_limit_s)


async def _noted(ctx: Context, stage: Stage, row: ReturnRow) -> None:
    assert stage.job is not None  # `_do` looked
    done = await stage.job(ctx, row)
    if done:
        await ctx.db.execute(NOTE_IN_RETURN, row.id, {stage.name: done})


async def _wait_out(ctx: Context, stage: Stage, row: ReturnRow) -> None:
    since_s = (ctx.clock.now() - row.stage_since).total_seconds()
    await asyncio.sleep(max(0.0, stage.least_s - max(0.0, since_s)))


async def gate(ctx: Context) -> list[Middleware]:
    """Give what keeps closed what has not come back yet; nothing where nothing was restored."""
    if await ctx.db.one(CURRENT_RETURN) is None:
        return []
    reached = _Reached(ctx)

    @web.middleware
    async def keep_closed(request: web.Request, handler: Handler) -> web.StreamResponse:
        if await reached.has(needed(request)):
            return await handler(request)
        return error_reply(503, _COMING_BACK, headers={"Retry-After": _RETRY_AFTER_S})

    return [keep_closed]


class _Reached:
    """Which stage has been reached, asked for at most once a second, and no more at the end."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._place = 0
        self._asked_at = float("-inf")

    async def has(self, stage: str) -> bool:
        if _PLACES[stage] <= self._place:
            return True
        now = self._ctx.clock.monotonic()
        if now - self._asked_at >= _LOOK_EVERY_S:
            self._asked_at = now
            row = await self._ctx.db.one(CURRENT_RETURN)
            self._place = len(STAGES) if row is None else _PLACES[row.stage]
        return _PLACES[stage] <= self._place


_NEWCOMERS: Final = (
    "/api/v1/accounts",
    "/api/v1/emails/confirmations",
    "/auth/sign_up",
    "/auth/kit",
)
_SIGNED_IN: Final = "/auth/edit"
_SIGN_IN: Final = ("/oauth/token", "/auth/")
_READ: Final = ("GET", "HEAD", "OPTIONS")


def needed(request: web.Request) -> str:
    """Give the stage from which on a request is answered."""
    path, reads = request.path.rstrip("/"), request.method in _READ
    if path.endswith("/inbox"):
        return "inbox"
    if not reads and path in _NEWCOMERS:
        return "registrations"
    if not reads and path.startswith(_SIGN_IN) and not path.startswith(_SIGNED_IN):
        return "log_in"
    if not reads:
        return "writes"
    has_session = "Authorization" in request.headers or path.startswith("/api/v1/streaming")
    return "reads" if has_session else FIRST_STAGE

"""Sends notifications to the push services of people's apps."""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Unreachable
from fedserver.events import PUSH
from fedserver.outgoing import ForbiddenTarget, Limits
from fedserver.secrets import CannotUnwrap
from fedserver.services.push_keys import AUTH_PURPOSE, TOKEN_PURPOSE, vapid_key
from fedserver.services.push_messages import TTL, PushRequest, Target, VapidKey, make_request
from fedserver.services.push_titles import push_title
from fedserver.services.retry_after import read_retry_after
from fedserver.services.text_in import html_to_text
from fedserver.services.work_loop import Work, work_always
from storage.push import (
    CLAIM_PUSHES,
    DROP_SUBSCRIPTION,
    NEXT_PUSH_DUE_AT,
    POSTPONE_PUSH,
    SETTLE_PUSH,
    TRIM_PUSHES,
    PushRow,
)

log = logging.getLogger(__name__)

# Each of these waits for its slowest message, so a service that hangs holds up one of them.
_SENDERS: Final = 4
_AT_A_TIME: Final = 8
_LIMITS: Final = Limits(total_s=10.0, max_bytes=64 * 1024, max_redirects=0)
_CLAIMED_FOR: Final = timedelta(seconds=60)
# After each failure; who failed once more is not told of it.
PAUSES: Final = tuple(
    timedelta(seconds=seconds) for seconds in (30, 120, 600, 3_600, 6 * 3_600, 24 * 3_600)
)
MAX_WAITING: Final = 50  # for one subscription that does not answer
_MAX_BODY_CHARS: Final = 140
_MAX_TITLE_CHARS: Final = 120
_GONE: Final = frozenset({404, 410})
_LATER: Final = frozenset({408, 425, 429})


async def push_always(ctx: Context) -> None:
    """Send what is due, then wait for more, until cancelled."""
    work = Work("push messages", push_some, PUSH, NEXT_PUSH_DUE_AT, least_s=1.0)
    async with asyncio.TaskGroup() as tasks:
        for _ in range(_SENDERS):
            tasks.create_task(work_always(ctx, work))


async def push_some(ctx: Context) -> int:
    """Send some of what is due, and give how many were tried."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(CLAIM_PUSHES, now, now + _CLAIMED_FOR, _AT_A_TIME)
    if not rows:
        return 0
    key = await vapid_key(ctx)
    shown = await entities.accounts(ctx, list({row.from_account_id for row in rows}))
    people = {int(one["id"]): one for one in orjson.loads(orjson.dumps(shown))}
    async with asyncio.TaskGroup() as tasks:
        for row in rows:
            tasks.create_task(_push(ctx, key, row, people.get(row.from_account_id)))
    return len(rows)


async def _push(ctx: Context, key: VapidKey, row: PushRow, cause: Any) -> None:
    if cause is None or ctx.clock.now() - row.created_at > TTL:
        await _settle(ctx, row)
        return
    try:
        request = await asyncio.to_thread(_request, ctx, key, row, cause)
        answer = await ctx.out.request(
            "POST", row.endpoint, headers=request.headers, body=request.body, limits=_LIMITS
        )
    except CannotUnwrap:
        await _drop(ctx, row, "its keys cannot be read")
    except ForbiddenTarget as error:
        await _drop(ctx, row, error.reason)
    except Unreachable as error:
        await _postpone(ctx, row, error.reason, None)
    else:
        await _after(ctx, row, answer.status, answer.headers.get("Retry-After"))


async def _after(ctx: Context, row: PushRow, status: int, retry_after: str | None) -> None:
    if status in _GONE:
        await _drop(ctx, row, f"it answered {status}")
    elif status in _LATER or status >= 500:
        await _postpone(ctx, row, f"it answered {status}", retry_after)
    else:
        if status >= 300:
            log.info("push subscription %s refused with %s", row.subscription_id, status)
        await _settle(ctx, row)


async def _settle(ctx: Context, row: PushRow) -> None:
    await ctx.db.execute(SETTLE_PUSH, row.subscription_id, row.notification_id)


async def _drop(ctx: Context, row: PushRow, reason: str) -> None:
    log.info("push subscription %s ends: %s", row.subscription_id, reason)
    await ctx.db.execute(DROP_SUBSCRIPTION, row.subscription_id)


async def _postpone(ctx: Context, row: PushRow, reason: str, retry_after: str | None) -> None:
    """Try again later, and with it all that waits for the subscription."""
    log.info("push subscription %s waits: %s", row.subscription_id, reason)
    due_at = next_push(row.attempts, ctx.clock.now(), retry_after)
    if due_at is None:
        await _settle(ctx, row)
        return
    await ctx.db.execute(POSTPONE_PUSH, row.subscription_id, row.notification_id, due_at)
    await ctx.db.execute(TRIM_PUSHES, row.subscription_id, MAX_WAITING)


def next_push(attempts: int, now: datetime, retry_after: str | None) -> datetime | None:
    """Give when to try again what was tried `attempts` times; None for never. What the service
    asked for is the least."""
    if attempts > len(PAUSES):
        return None
    return now + max(PAUSES[attempts - 1], read_retry_after(retry_after, now) or timedelta())


def _request(ctx: Context, key: VapidKey, row: PushRow, cause: Any) -> PushRequest:
    """Runs in a thread: it computes, and touches nothing else."""
    auth = ctx.secrets.unwrap(row.auth, purpose=AUTH_PURPOSE)
    token = ctx.secrets.unwrap(row.access_token, purpose=TOKEN_PURPOSE).decode()
    target = Target(row.endpoint, row.p256dh, auth, row.standard)
    message = orjson.dumps(_message(row, cause, token))
    return make_request(key, target, message, ctx.clock.now())


def _message(row: PushRow, cause: Any, token: str) -> dict[str, Any]:
    """Give what apps expect in a message (Mastodon: Web::NotificationSerializer)."""
    name = (cause["display_name"] or cause["username"])[:_MAX_TITLE_CHARS]
    return {
        "access_token": token,
        "preferred_locale": row.locale,
        "notification_id": row.notification_id,
        "notification_type": row.type,
        "icon": cause["avatar_static"],
        "title": push_title(row.locale, row.type, name),
        "body": _shortened(row.text if row.plain else html_to_text(row.text)),
    }


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_BODY_CHARS else text[: _MAX_BODY_CHARS - 1] + "…"

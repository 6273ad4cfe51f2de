"""What `fedserver vault status` and `now` say, and `fedserver doctor` of the vault."""

import asyncio
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from fedserver.context import Context
from fedserver.errors import Refused, Unavailable
from fedserver.events import NOTIFY, VAULT
from fedserver.survival.vault.keys import vault_folder, vault_keys
from fedserver.survival.vault.reading import Progress
from fedserver.survival.vault.runner import Vault
from fedserver.survival.vault.shipping import TargetState
from fedserver.survival.vault.status import VaultStatus, read_status
from storage.server.folders import Folders
from storage.server.lock import holder
from storage.vault import CURRENT_RETURN, LAST_DRILL, LAST_PROVEN

_STEP_S: Final = 0.2
_SILENT_FOR: Final = timedelta(seconds=30)
_ASK_AGAIN_S: Final = 30.0
_ORDER_LIMIT_S: Final = 3_600.0


async def status_lines(ctx: Context) -> list[str]:
    """Say in lines for people how the vault is."""
    if not ctx.config.vault.targets:
        return ["no vault: name targets in [vault] (docs/survival.md)"]
    status, now = read_status(vault_folder(ctx.config.data.folder)), ctx.clock.now()
    lines = (
        list(_status(status, now)) if status else ["nothing shipped yet: is the server running?"]
    )
    if await vault_keys(ctx) is None:
        lines.insert(0, "! nobody could open the copies: `fedserver recovery-key new`")
    lines.append(await _drill(ctx, now))
    going_back = await ctx.db.one(CURRENT_RETURN)
    if going_back is not None:
        known = f"{going_back.known_until:%F %T}"
        lines.append(f"coming back: stage {going_back.stage}, from what was known {known} UTC")
    return lines


def _status(status: VaultStatus, now: datetime) -> Iterator[str]:
    if status.problem:
        yield f"! {status.problem}"
    if now - status.at > _SILENT_FOR:
        yield f"! the vault has said nothing since {status.at:%F %T} UTC: is the server running?"
    if status.chain is not None:
        chain = status.chain
        yield f"chain:    {chain.chain}, {chain.sequence + 1} entries"
        yield f"log:      written down {_ago(chain.wal_at, now)}"
        yield f"base:     made {_ago(chain.base_at, now)}"
        yield f"minimum:  made {_ago(chain.minimum_at, now)}"
    yield f"waiting:  {status.spool_bytes} bytes in the data folder, {status.media_waiting} files"
    yield f"writes:   confirmed {'when a target has them' if status.synchronous else 'at once'}"
    for one in status.targets:
        yield f"target:   {_target(one, now)}"


def _target(state: TargetState, now: datetime) -> str:
    if state.error:
        return f"{state.label} FAILS since {_ago(state.failing_since, now)}: {state.error}"
    behind = f"{state.missing} entries behind" if state.missing else "has everything"
    return f"{state.label} {behind}, up to entry {state.position}, {_ago(state.shipped_at, now)}"


async def _drill(ctx: Context, now: datetime) -> str:
    proven, last = await ctx.db.value(LAST_PROVEN), await ctx.db.one(LAST_DRILL)
    text = f"drill:    a restore was proven {_ago(proven, now)}"
    if last is not None and not last.proven:
        text += f"; THE LAST DRILL FAILED, {_ago(last.at, now)}: {last.report.get('problem')}"
    return text


def _ago(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    seconds = max(0, int((now - moment).total_seconds()))
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} seconds ago"


async def ship_now(ctx: Context, *, base: bool, say: Progress) -> None:
    """Have everything shipped by the running server, or by ourselves where none runs.

    Raises Refused where there is no vault, and Unavailable where a target fails.
    """
    if not ctx.config.vault.targets:
        raise Refused("there is no vault: name targets in [vault] (docs/survival.md)")
    if await vault_keys(ctx) is None:
        raise Refused("nobody could open the copies: make a key with `fedserver recovery-key new`")
    lock = Folders.of(ctx.config.data.folder).lock_file
    if holder(lock) != os.getpid():
        await _order(ctx, base=base, say=say)
        return
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(ctx.events.run(), name="events"),
            tasks.create_task(Vault(ctx).run(), name="vault"),
        ]
        await _order(ctx, base=base, say=say)
        for task in running:
            task.cancel()


async def _order(ctx: Context, *, base: bool, say: Progress) -> None:
    folder, asked = vault_folder(ctx.config.data.folder), ctx.clock.now()
    told, sent_at = "", -_ASK_AGAIN_S
    async with asyncio.timeout(_ORDER_LIMIT_S):
        while (status := _news(read_status(folder), asked)) is None or not _served(status, asked):
            if status is not None and ctx.clock.monotonic() - sent_at > _ASK_AGAIN_S:
                await ctx.db.execute(NOTIFY, VAULT, "base" if base else "")
                sent_at = ctx.clock.monotonic()
            told = _say_new(say, told, status)
            await asyncio.sleep(_STEP_S)
    for one in status.targets:
        say(_target(one, ctx.clock.now()))
    failing = [one for one in status.targets if one.error]
    if failing:
        raise Unavailable(f"{len(failing)} of {len(status.targets)} targets fail")


def _news(status: VaultStatus | None, asked: datetime) -> VaultStatus | None:
    """Give what was said since. Raises Unavailable for a complaint."""
    if status is None or status.at < asked:
        return None
    if status.problem:
        raise Unavailable(status.problem)
    return status


def _served(status: VaultStatus, asked: datetime) -> bool:
    return status.order_at is not None and status.order_at >= asked


def _say_new(say: Progress, told: str, status: VaultStatus | None) -> str:
    lines = (
        [f"{one.label}: {one.missing} to go" for one in status.targets if one.missing]
        if status
        else []
    )
    text = "; ".join(lines)
    if text and text != told:
        say(text)
    return text

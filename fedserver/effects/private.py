"""Acts that stay here: no peer ever hears of a bookmark or a mute."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Undoable
from fedserver.effects.permission import require_visible
from fedserver.errors import Refused
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.notifying import WITHDRAW_NOTIFICATIONS_BETWEEN
from storage.reactions import DELETE_BOOKMARK, INSERT_BOOKMARK
from storage.relations import DELETE_MUTE, PUT_MUTE
from storage.statuses import StatusRow
from storage.thread_mutes import MUTE_THREAD, UNMUTE_THREAD


@dataclass(frozen=True, kw_only=True)
class Bookmark(Undoable):
    """Keep `status` for later."""

    type: ClassVar[str] = "Bookmark"

    status: StatusRow

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await require_visible(tx, self.status, self.actor)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        now = ctx.clock.now()
        return bool(
            await tx.execute(INSERT_BOOKMARK, ctx.ids.new(), self.actor.id, self.status.id, now)
        )

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_BOOKMARK, self.actor.id, self.status.id))


@dataclass(frozen=True, kw_only=True)
class Mute(Undoable):
    """Do not show `target`'s posts, and with `hide_notifications` not its acts either."""

    type: ClassVar[str] = "Mute"

    target: AccountRow
    hide_notifications: bool = True
    expires_at: datetime | None = None

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.actor.id == self.target.id:
            raise Refused("nobody can mute themselves")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        stored = await tx.execute(
            PUT_MUTE,
            ctx.ids.new(),
            self.actor.id,
            self.target.id,
            self.hide_notifications,
            self.expires_at,
            ctx.clock.now(),
        )
        if self.hide_notifications:
            await tx.execute(WITHDRAW_NOTIFICATIONS_BETWEEN, self.actor.id, self.target.id)
        return bool(stored)

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_MUTE, self.actor.id, self.target.id))


@dataclass(frozen=True, kw_only=True)
class MuteThread(Undoable):
    """Do not tell of what happens to `status` and the rest of its thread."""

    type: ClassVar[str] = "MuteThread"

    status: StatusRow

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await require_visible(tx, self.status, self.actor)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        now = ctx.clock.now()
        return bool(await tx.execute(MUTE_THREAD, self.actor.id, self.status.thread_id, now))

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(UNMUTE_THREAD, self.actor.id, self.status.thread_id))

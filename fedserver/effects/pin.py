"""Add and Remove of the featured collection: a pinned post (ActivityPub §7.8, §7.9)."""

from dataclasses import dataclass
from typing import ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.errors import Invalid, NotFound
from storage.database import Transaction
from storage.statuses import LOCK_PINS, PIN_STATUS, UNPIN_STATUS, StatusRow

MAX_PINS = 5
MAX_REMOTE_PINS = 20


@dataclass(frozen=True, kw_only=True)
class _Featuring(Act):
    """A change of the actor's featured collection."""

    status: StatusRow

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.status.account_id != self.actor.id:
            raise NotFound("Record not found")

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if self.status.visibility not in ("public", "unlisted"):
            return None  # the featured collection shows only what everybody may see
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.status.uri,
            target=self.actor.featured_url,
            to=(PUBLIC,),
        )
        return Outgoing(activity)


@dataclass(frozen=True, kw_only=True)
class Pin(_Featuring):
    """Show `status` first on the profile."""

    type: ClassVar[str] = "Add"

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await super().allow(ctx, tx)
        if self.status.reblog_of_id is not None:
            raise Invalid("Validation failed: Boosted posts cannot be pinned")
        if self.status.visibility == "direct":
            raise Invalid(
                "Validation failed: Posts that only mentioned people see cannot be pinned"
            )

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        pinned = await tx.values(LOCK_PINS, self.actor.id)
        if self.status.id in pinned:
            return False
        if len(pinned) >= (MAX_PINS if self.actor.local else MAX_REMOTE_PINS):
            raise Invalid("Validation failed: You have already pinned the maximum number of posts")
        now = ctx.clock.now()
        return bool(await tx.execute(PIN_STATUS, self.status.id, self.actor.id, now))


@dataclass(frozen=True, kw_only=True)
class Unpin(_Featuring):
    """Do not show `status` first any more."""

    type: ClassVar[str] = "Remove"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(UNPIN_STATUS, self.status.id, self.actor.id))

"""BlockDomain: a person parts from a whole domain (Mastodon API: domain_blocks)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fedserver.context import Context
from fedserver.effects.acts import Act, Undoable
from fedserver.effects.follow import Follow, reject
from fedserver.effects.undo import Undo
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.relations import FOLLOW_BETWEEN, FollowRow
from storage.severances import REMEMBER_LOSS
from storage.user_domains import (
    DELETE_USER_DOMAIN,
    FOLLOWED_AT_DOMAIN,
    FOLLOWING_FROM_DOMAIN,
    INSERT_USER_DOMAIN,
    REMOVE_DOMAIN_FROM_HOME,
    WITHDRAW_NOTIFICATIONS_FROM_DOMAIN,
)

# Follows that one transaction ends, of each direction.
_AT_ONCE = 100


@dataclass(frozen=True, kw_only=True)
class BlockDomain(Undoable):
    """Do not show or hear of anybody at `domain`. Follows either way end by PartFromDomain."""

    type: ClassVar[str] = "BlockDomain"

    domain: str

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        me, now = self.actor.id, ctx.clock.now()
        stored = await tx.execute(INSERT_USER_DOMAIN, ctx.ids.new(), me, self.domain, now)
        await tx.execute(WITHDRAW_NOTIFICATIONS_FROM_DOMAIN, me, self.domain)
        await tx.execute(REMEMBER_LOSS, me, self.domain, ctx.ids.new(), now)
        await tx.execute(REMOVE_DOMAIN_FROM_HOME, me, self.domain)
        return bool(stored)

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(DELETE_USER_DOMAIN, self.actor.id, self.domain))


@dataclass(frozen=True, kw_only=True)
class PartFromDomain(Act):
    """End some follows between the actor and accounts at `domain`: the peers are told by Undo and
    Reject. To be done again until there is nothing more to do."""

    type: ClassVar[str] = "PartFromDomain"

    domain: str

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await self._followed(tx) or await self._following(tx))

    async def _followed(self, tx: Transaction) -> list[int]:
        return await tx.values(FOLLOWED_AT_DOMAIN, self.actor.id, self.domain, _AT_ONCE)

    async def _following(self, tx: Transaction) -> list[int]:
        return await tx.values(FOLLOWING_FROM_DOMAIN, self.actor.id, self.domain, _AT_ONCE)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        acts: list[Act] = []
        for other_id in await self._followed(tx):
            other, follow = await _follow(tx, self.actor.id, other_id, other_id)
            uri = Uris(ctx.config.base_url).activity(ctx.ids.new())
            undone = Follow(actor=self.actor, uri=follow.uri, target=other)
            acts.append(Undo(actor=self.actor, uri=uri, undone=undone))
        for other_id in await self._following(tx):
            other, follow = await _follow(tx, other_id, self.actor.id, other_id)
            acts.append(reject(ctx, self.actor, other, follow.uri))
        return acts


async def _follow(
    tx: Transaction, follower_id: int, target_id: int, other_id: int
) -> tuple[AccountRow, FollowRow]:
    follow = await tx.one(FOLLOW_BETWEEN, follower_id, target_id)
    other = await tx.one(ACCOUNT_BY_ID, other_id)
    if follow is None or other is None:
        raise LookupError("a follow ended while it was being ended")
    return other, follow

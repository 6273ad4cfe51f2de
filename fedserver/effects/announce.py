"""Announce: a boost (ActivityPub §7.11)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from activitypub.addressing import PUBLIC, visibility_of
from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import NOBODY, Act, Audience, Notice, Outgoing, Undoable
from fedserver.effects.answers import told_at_once
from fedserver.effects.asking import request, waiting
from fedserver.effects.bringing import bring_status
from fedserver.effects.claims import claim_of
from fedserver.effects.denying import answer_if_denied
from fedserver.effects.fanning import fan_out
from fedserver.effects.gate import OPEN, Claim, Interaction, Passed, pass_gate
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.permission import require_here, require_visible
from fedserver.effects.signals import signal_deletion, signal_new
from fedserver.errors import NotFound, Refused
from storage.accounts import ACCOUNT_BY_ID, COUNT_STATUS, AccountRow
from storage.approvals import AUTHORIZATION_OF, DROP_APPROVAL
from storage.database import Transaction
from storage.fan_out import DROP_REPEATED_BOOSTS
from storage.notifying import WITHDRAW_NOTIFICATION
from storage.quotes import DELETE_REQUEST_OF
from storage.relations import FOLLOWED_HERE
from storage.statuses import (
    COUNT_REBLOG,
    DELETE_STATUS,
    INSERT_STATUS,
    REBLOG_BY_ACCOUNT,
    STATUS_BY_URI,
    StatusRow,
)


@dataclass(frozen=True, kw_only=True)
class Announce(Undoable):
    """Show `status`, which `author` wrote, to the actor's followers. `id` is the boost's own.

    `claim` and `asked` as in Like.
    """

    type: ClassVar[str] = "Announce"

    id: int
    status: StatusRow
    author: AccountRow
    visibility: str
    created_at: datetime
    claim: Claim | None = None
    asked: bool = False
    _passed: list[Passed] = field(default_factory=list, compare=False)

    @classmethod
    async def read(cls, incoming: Incoming) -> "Announce":
        """Make the act of a peer's Announce, fetching what it shows if somebody here cares."""
        return await cls.of(incoming, incoming.object_id)

    @classmethod
    async def of(cls, incoming: Incoming, uri: str) -> "Announce":
        """As `read`, of the status `uri`."""
        ctx, activity = incoming.ctx, incoming.activity
        status = await ctx.db.one(STATUS_BY_URI, uri)
        if status is None:
            if not await ctx.db.value(FOLLOWED_HERE, incoming.actor.id):
                raise Ignored("nobody here follows its actor")
            status = await bring_status(ctx, uri, incoming.budget)
        author = await ctx.db.one(ACCOUNT_BY_ID, status.account_id)
        if author is None:
            raise NotFound("Record not found")
        await answer_if_denied(incoming, "announce", status, incoming.uri)
        created_at = min(activity.published or ctx.clock.now(), ctx.clock.now())
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            id=ctx.ids.at(created_at),
            status=status,
            author=author,
            visibility=str(visibility_of(activity.to, activity.cc, incoming.actor.followers_url)),
            created_at=created_at,
            claim=await claim_of(incoming, "announce", status, author),
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        require_here(self.actor)
        await require_visible(tx, self.status, self.actor)
        if self.status.reblog_of_id is not None:
            raise Refused("a boost cannot be boosted")
        own_private = self.status.visibility == "private" and self.author.id == self.actor.id
        closed = self.status.visibility not in ("public", "unlisted") and not own_private
        if closed or self.status.withheld:
            raise NotFound("Record not found")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if not await self._insert(tx):
            return False
        done = Interaction(
            "announce", self.status, self.actor, self.uri, made_id=self.id, claim=self.claim
        )
        self._passed.append(await pass_gate(ctx, tx, done))
        if self._passed[-1].withheld:
            return True
        await tx.execute(COUNT_REBLOG, self.status.id, 1)
        await tx.execute(COUNT_STATUS, self.actor.id, 1, self.created_at, self.id)
        await fan_out(
            ctx,
            tx,
            status_id=self.id,
            author_id=self.actor.id,
            visibility=self.visibility,
            boosted_author_id=self.author.id,
        )
        await tx.execute(DROP_REPEATED_BOOSTS, self.id, self.status.id, self.actor.id)
        await signal_new(ctx, tx, self.id, self.created_at)
        return True

    async def _insert(self, tx: Transaction) -> int:
        return await tx.execute(
            INSERT_STATUS,
            self.id,
            self.uri,
            self.status.url,
            self.actor.id,
            self.actor.local,
            "Announce",
            self.visibility,
            self.status.id,
            None,
            None,
            None,
            self.id,
            "",
            "",
            "",
            False,
            None,
            [],
            None,
            self.created_at,
        )

    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        boost = await tx.one(REBLOG_BY_ACCOUNT, self.status.id, self.actor.id)
        if boost is None:
            return False
        self._passed.append(Passed(withheld=boost.withheld))
        await signal_deletion(tx, boost.id)
        await tx.execute(DELETE_STATUS, boost.id, self.actor.id)
        if self.actor.local:
            await tx.execute(DELETE_REQUEST_OF, boost.uri)
        await tx.execute(DROP_APPROVAL, self.actor.id, self.status.id, "announce")
        if not boost.withheld:
            await tx.execute(COUNT_REBLOG, self.status.id, -1)
            await tx.execute(COUNT_STATUS, self.actor.id, -1, None, None)
        for notice in ("reblog", "pending.reblog"):
            await tx.execute(
                WITHDRAW_NOTIFICATION, self.author.id, notice, self.actor.id, self.status.id
            )
        return True

    def notices(self) -> Sequence[Notice]:
        told_of = "pending.reblog" if self._is_withheld else "reblog"
        return (Notice(self.author.id, told_of, self.status.id),)

    @property
    def _is_withheld(self) -> bool:
        return (self._passed or [OPEN])[-1].withheld

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.asked:
            return ()
        granted = (self._passed or [OPEN])[-1].granted
        return told_at_once(ctx, granted, author=self.author, asker=self.actor, status=self.status)

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        if self._is_withheld:
            return NOBODY if self.author.local else Audience(accounts=(self.author,))
        return Audience(accounts=(self.author,), followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        announce = await self._announce(tx)
        waits_for = await waiting(tx, self.uri)
        if waits_for is not None:
            return await request(tx, waits_for, announce)
        if self._is_withheld and self.author.local:
            return None
        listed = self.visibility in ("public", "unlisted")
        return Outgoing(announce, listed=listed, status_id=self.id)

    async def _announce(self, tx: Transaction) -> Activity:
        to, cc = self._addressing()
        authorization = await tx.value(AUTHORIZATION_OF, self.uri, self.actor.id)
        return Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.status.uri,
            to=to,
            cc=cc,
            published=self.created_at,
            authorization=authorization,
        )

    def _addressing(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        followers = (self.actor.followers_url,) if self.actor.followers_url else ()
        if self.visibility == "public":
            return (PUBLIC,), (self.author.uri, *followers)
        if self.visibility == "unlisted":
            return followers, (self.author.uri, PUBLIC)
        return followers, (self.author.uri,)

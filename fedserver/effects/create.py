"""Create: a status comes to be (ActivityPub §6.2, §7.2)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from activitypub.model import Activity, Object
from fedserver import documents
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing
from fedserver.effects.answers import told_at_once
from fedserver.effects.asking import request, waiting
from fedserver.effects.bringing import bring_status, status_of_object
from fedserver.effects.consents import accepted_quote
from fedserver.effects.conversing import converse
from fedserver.effects.denying import answer_if_denied
from fedserver.effects.fanning import fan_out, fan_out_by_tag
from fedserver.effects.gate import OPEN, Passed
from fedserver.effects.incoming import Incoming
from fedserver.effects.new_status import NewStatus, insert_status
from fedserver.effects.outcomes import Ignored
from fedserver.effects.permission import require_here, require_visible
from fedserver.effects.signals import signal_new
from fedserver.effects.to_relays import announcement, mastodon_relays
from fedserver.effects.vote import Vote
from fedserver.effects.wanted_threads import ask_for_thread
from fedserver.errors import NotFound, Refused
from fedserver.services.email_subscriptions import mail_soon
from storage.accounts import ACCOUNT_BY_ID, COUNT_STATUS, AccountRow
from storage.database import Transaction
from storage.idempotency import CLAIM_KEY
from storage.notifying import NOTIFY_SUBSCRIBERS
from storage.quotes import InteractionRequestRow
from storage.relations import FOLLOWED_HERE
from storage.statuses import STATUS_BY_ID


class AlreadyPosted(Refused):
    """A request with the same Idempotency-Key was served before."""


@dataclass(frozen=True, kw_only=True)
class Create(Act):
    """Post `status`. `asked`: a request for leave brought it, which is answered for itself."""

    type: ClassVar[str] = "Create"

    status: NewStatus
    asked: bool = False
    _passed: list[Passed] = field(default_factory=list, compare=False)

    @classmethod
    async def read(cls, incoming: Incoming) -> "Act":
        """Make the act of a peer's Create: a status, or a vote in a poll of ours."""
        created = incoming.activity.object
        if not isinstance(created, Object):
            return await _fetched(incoming)
        vote = await Vote.of_object(incoming, created)
        if vote is not None:
            return vote
        if not await _wanted(incoming, created):
            raise Ignored("nobody here follows, or is addressed by, its actor")
        status = await status_of_object(incoming.ctx, created, incoming.actor, incoming.budget)
        await answer_if_denied(incoming, "reply", status.parent, status.uri)
        return cls(actor=incoming.actor, uri=incoming.uri, status=status)

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        require_here(self.actor)
        if self.status.parent is not None and self.actor.local:
            await require_visible(tx, self.status.parent, self.actor)

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        status = self.status
        passed = await insert_status(ctx, tx, self.actor, status)
        if passed is None:
            return False
        self._passed.append(passed)
        await self._claim_key(ctx, tx)
        await self._ask_for_the_rest(ctx, tx)
        if not passed.withheld:
            await self._show(ctx, tx)
        return True

    async def _show(self, ctx: Context, tx: Transaction) -> None:
        status = self.status
        await tx.execute(COUNT_STATUS, self.actor.id, 1, status.created_at, status.id)
        await fan_out(
            ctx,
            tx,
            status_id=status.id,
            author_id=self.actor.id,
            visibility=status.visibility,
            answered_id=status.parent.account_id if status.parent else None,
        )
        if status.visibility == "public" and status.tags:
            await fan_out_by_tag(ctx, tx, status_id=status.id, author_id=self.actor.id)
        if status.visibility != "direct":
            await tx.execute(
                NOTIFY_SUBSCRIBERS, ctx.ids.new(), self.actor.id, status.id, ctx.clock.now()
            )
        await signal_new(ctx, tx, status.id, status.created_at)
        await self._mail(ctx, tx)

    async def _mail(self, ctx: Context, tx: Transaction) -> None:
        """What is public and answers nobody else goes to those who want it by mail."""
        parent = self.status.parent
        by_itself = parent is None or parent.account_id == self.actor.id
        if self.actor.local and self.status.visibility == "public" and by_itself:
            await mail_soon(ctx, tx, self.actor.id, self.status.id)

    async def _ask_for_the_rest(self, ctx: Context, tx: Transaction) -> None:
        """What answers somebody elsewhere has neighbours that nobody sent us."""
        parent = self.status.parent
        if not self.actor.local and parent is not None and not parent.local:
            await ask_for_thread(ctx, parent.thread_id, self.status.id, db=tx)

    async def _claim_key(self, ctx: Context, tx: Transaction) -> None:
        key = self.status.idempotency_key
        if key is None:
            return
        if not await tx.execute(CLAIM_KEY, self.actor.id, key, self.status.id, ctx.clock.now()):
            raise AlreadyPosted("this Idempotency-Key was used before")

    @property
    def _how(self) -> Passed:
        return (self._passed or [OPEN])[-1]

    def notices(self) -> Sequence[Notice]:
        if self._how.withheld:
            asked = self._how.approval
            return (Notice(asked.target_id, "pending.reply", self.status.id),) if asked else ()
        mentioned = tuple(
            Notice(one.account.id, "mention", self.status.id)
            for one in self.status.mentions
            if not one.silent
        )
        quoted = accepted_quote(self.status.consents)
        if quoted is None:
            return mentioned
        return (*mentioned, Notice(quoted.account_id, "quote", self.status.id))

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        waits_for = await self._waits_for(tx)
        if waits_for is None:
            return await status_audience(tx, self.actor.id, self.status)
        asked = await answered_author(tx, self.status)
        return Audience(accounts=(asked,) if asked is not None else ())

    async def _waits_for(self, tx: Transaction) -> InteractionRequestRow | None:
        return await waiting(tx, self.status.uri) if self.status.parent is not None else None

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        waits_for = await self._waits_for(tx)
        if waits_for is not None:
            return await request(tx, waits_for, await note_of(ctx, tx, self.status.id))
        if self._how.withheld:
            return None
        listed = self.status.visibility in ("public", "unlisted")
        return await note_activity(ctx, tx, self, self.status.id, listed=listed)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.status.visibility == "direct" and not self._how.withheld:
            await converse(ctx, tx, [self.status.id])
        if not self.actor.local:
            return await self._answered(ctx, tx)
        if self._how.withheld:
            return ()
        return await announcement(
            ctx,
            tx,
            status_uri=self.status.uri,
            visibility=self.status.visibility,
            published=self.status.created_at,
        )

    async def _answered(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        """Leave that was given at once, since the author is on a list, is told at once."""
        parent, granted = self.status.parent, self._how.granted
        author = await answered_author(tx, self.status) if granted is not None else None
        if parent is None or author is None or self.asked:
            return ()
        return told_at_once(ctx, granted, author=author, asker=self.actor, status=parent)


async def note_activity(
    ctx: Context, tx: Transaction, act: Act, status_id: int, *, listed: bool
) -> Outgoing:
    """Give the activity of an act that carries a whole status, as its rows now are."""
    note = await note_of(ctx, tx, status_id)
    activity = Activity(
        id=act.uri,
        type=act.type,
        actor=act.actor.uri,
        object=note,
        to=note.to,
        cc=note.cc,
        published=note.updated or note.published,
    )
    return Outgoing(activity, listed=listed, status_id=status_id)


async def note_of(ctx: Context, tx: Transaction, status_id: int) -> Object:
    """Give the Note of a status of ours, as its rows now are."""
    row = await tx.one(STATUS_BY_ID, status_id)
    if row is None:
        raise NotFound("Record not found")
    return (await documents.notes(ctx, [row], tx))[row.id]


async def answered_author(tx: Transaction, status: NewStatus) -> AccountRow | None:
    """Give who wrote what `status` answers."""
    if status.parent is None:
        return None
    return await tx.one(ACCOUNT_BY_ID, status.parent.account_id)


async def status_audience(tx: Transaction, author_id: int, status: NewStatus) -> Audience:
    """Give who hears of a status: whom it names, whom it answers, and its followers."""
    accounts = [one.account for one in status.mentions]
    if status.parent is not None and status.visibility in ("public", "unlisted"):
        answered = await answered_author(tx, status)
        accounts += [answered] if answered else []
    follows = None if status.visibility == "direct" else author_id
    relays = await mastodon_relays(tx, status.visibility)
    return Audience(
        accounts=tuple(accounts), followers_of=follows, inboxes=relays, relayed=bool(relays)
    )


async def _fetched(incoming: Incoming) -> Act:
    """A Create that names its object by id only: it is fetched, and stored by that."""
    if not await incoming.ctx.db.value(FOLLOWED_HERE, incoming.actor.id):
        raise Ignored("nobody here follows its actor")
    await bring_status(incoming.ctx, incoming.object_id, incoming.budget)
    raise Ignored("its object was fetched from its origin")


async def _wanted(incoming: Incoming, created: Object) -> bool:
    """Whether anybody here is concerned: follows the author, is addressed, or was answered."""
    ctx = incoming.ctx
    base = ctx.config.base_url + "/"
    named = (*created.to, *created.cc, *(one.href for one in created.mentions))
    if any(uri and uri.startswith(base) for uri in (*named, created.in_reply_to)):
        return True
    return await ctx.db.value(FOLLOWED_HERE, incoming.actor.id) is True

"""Votes in polls: a Create of a nameless Note that says an option (as Mastodon does)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from activitypub.model import Activity, Object
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.permission import require_visible
from fedserver.errors import Invalid, NotFound
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.poll_ends import TELL_TOTALS_AT
from storage.reactions import (
    COUNT_VOTES,
    INSERT_VOTES,
    LOCK_POLL,
    POLL_OF_STATUS,
    VOTES_OF_ACCOUNT,
    PollRow,
)
from storage.statuses import StatusRow

# Peers are told the totals of a poll of ours so long after a vote, and all that came until then.
TOTALS_WAIT = timedelta(minutes=3)


@dataclass(frozen=True, kw_only=True)
class Vote(Act):
    """Vote for `choices` (places in the list of options) in the poll of `status`."""

    type: ClassVar[str] = "Create"

    poll: PollRow
    status: StatusRow
    author: AccountRow
    choices: tuple[int, ...]

    @classmethod
    async def of_object(cls, incoming: Incoming, created: Object) -> "Vote | None":
        """Make the act if `created` is a vote: a name, no content, in answer to a poll of ours."""
        if not created.name or created.content or not created.in_reply_to:
            return None
        db = incoming.ctx.db
        status = await incoming.known_status(created.in_reply_to)
        poll = await db.one(POLL_OF_STATUS, status.id)
        author = await db.one(ACCOUNT_BY_ID, status.account_id)
        if poll is None or author is None or not author.local:
            raise Ignored("it votes in no poll of ours")
        if created.name not in poll.options:
            raise Ignored("the poll has no such option")
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            poll=poll,
            status=status,
            author=author,
            choices=(poll.options.index(created.name),),
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        await require_visible(tx, self.status, self.actor)
        now = ctx.clock.now()
        if self.poll.closed_at or (self.poll.expires_at and self.poll.expires_at <= now):
            raise Invalid("Validation failed: The poll has already ended")
        if self.author.id == self.actor.id:
            raise Invalid("Validation failed: You cannot vote in your own polls")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        poll = await tx.one(LOCK_POLL, self.poll.id)
        if poll is None:
            raise NotFound("Record not found")
        before = await tx.values(VOTES_OF_ACCOUNT, poll.id, self.actor.id)
        if not self._may_add(poll, before):
            return False
        uris = [self._uri_of(choice) for choice in self.choices]
        await tx.execute(
            INSERT_VOTES, poll.id, self.actor.id, list(self.choices), uris, ctx.clock.now()
        )
        votes = [count + (place in self.choices) for place, count in enumerate(poll.votes)]
        await tx.execute(COUNT_VOTES, poll.id, votes, 0 if before else 1)
        if self.author.local:
            await tx.execute(TELL_TOTALS_AT, poll.id, ctx.clock.now() + TOTALS_WAIT)
        return True

    def _may_add(self, poll: PollRow, before: list[int]) -> bool:
        """A peer sends each choice of a multiple poll by itself; one of our people votes once."""
        if not poll.multiple:
            return not before and len(self.choices) == 1
        if self.actor.local and before:
            return False
        return not set(before) & set(self.choices)

    def _uri_of(self, choice: int) -> str:
        return f"{self.uri}#votes/{self.poll.id}/{choice}" if self.actor.local else self.uri

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.author.local or not self.actor.local:
            return ()
        return tuple(
            SendVote(
                actor=self.actor,
                uri=f"{self._uri_of(choice)}/activity",
                vote=self,
                choice=choice,
            )
            for choice in self.choices
        )


@dataclass(frozen=True, kw_only=True)
class SendVote(Act):
    """Tell a peer's poll one choice of one of our people."""

    type: ClassVar[str] = "Create"

    vote: Vote
    choice: int

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.vote.author,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        to = (self.vote.author.uri,)
        note = Object(
            id=self.uri.removesuffix("/activity"),
            type="Note",
            name=self.vote.poll.options[self.choice],
            attributed_to=(self.actor.uri,),
            in_reply_to=self.vote.status.uri,
            to=to,
        )
        activity = Activity(id=self.uri, type=self.type, actor=self.actor.uri, object=note, to=to)
        return Outgoing(activity)

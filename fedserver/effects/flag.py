"""Flag: a report to moderators (Activity Vocabulary: Flag; sent and read as Mastodon does)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.errors import Refused
from fedserver.services import resolve
from fedserver.services.staff import tell_of_report
from fedserver.services.text_in import clean_plain
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.reports import INSERT_REPORT, LOCAL_STATUSES_BY_URIS, REPORTS_SINCE
from storage.statuses import StatusRow

MAX_COMMENT_CHARS = 1_000  # Mastodon's, for people here
_MAX_REMOTE_COMMENT_CHARS = 5_000
_MAX_A_DAY = 200


@dataclass(frozen=True, kw_only=True)
class Flag(Act):
    """Report `target` and those of its statuses. `speaker` is the instance actor, if the report
    goes to the target's server: that one never learns who reports."""

    type: ClassVar[str] = "Flag"

    id: int
    target: AccountRow
    statuses: tuple[StatusRow, ...] = ()
    comment: str = ""
    category: str = "other"
    rule_ids: tuple[int, ...] | None = None
    speaker: AccountRow | None = None

    @classmethod
    async def read(cls, incoming: Incoming) -> "Flag":
        """Make the act of a peer's Flag of one of our people, with statuses or without."""
        ctx, activity = incoming.ctx, incoming.activity
        named = [incoming.object_id, *activity.other_objects]
        statuses = await ctx.db.fetch(LOCAL_STATUSES_BY_URIS, named)
        target = await _target(incoming, named, statuses)
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            id=ctx.ids.new(),
            target=target,
            statuses=tuple(one for one in statuses if one.account_id == target.id),
            comment=clean_plain(activity.content or "", _MAX_REMOTE_COMMENT_CHARS),
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        since = ctx.clock.now() - timedelta(days=1)
        if (await tx.value(REPORTS_SINCE, self.actor.id, since) or 0) >= _MAX_A_DAY:
            raise Refused("one actor has reported too much today")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        stored = await tx.execute(
            INSERT_REPORT,
            self.id,
            self.uri,
            self.actor.id,
            self.target.id,
            [one.id for one in self.statuses],
            None if self.rule_ids is None else list(self.rule_ids),
            self.comment,
            self.category,
            self.speaker is not None,
            ctx.clock.now(),
        )
        if stored:
            await tell_of_report(ctx, tx, self.actor.id, self.id)
        return bool(stored)

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.speaker is None:
            return ()
        return (SendFlag(actor=self.speaker, uri=self.uri, flag=self),)


async def _target(
    incoming: Incoming, named: Sequence[str], statuses: Sequence[StatusRow]
) -> AccountRow:
    """The reported account: the first of ours that is named, else who wrote a named status."""
    known = await resolve.known_accounts(incoming.ctx, named)
    ours = [known[uri] for uri in named if uri in known and known[uri].local]
    if ours:
        return ours[0]
    author_id = statuses[0].account_id if statuses else 0
    author = await incoming.ctx.db.one(ACCOUNT_BY_ID, author_id)
    if author is None:
        raise Ignored("it reports nobody and nothing here")
    return author


@dataclass(frozen=True, kw_only=True)
class SendFlag(Act):
    """Tell the target's server of a report, in the instance's name."""

    type: ClassVar[str] = "Flag"

    flag: Flag

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(accounts=(self.flag.target,))

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        flag = self.flag
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=flag.target.uri,
            other_objects=tuple(one.uri for one in flag.statuses),
            content=flag.comment,
            to=(flag.target.uri,),
        )
        return Outgoing(activity)

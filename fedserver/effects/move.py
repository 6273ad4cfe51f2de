"""Move: an actor goes on under another id, and its followers here go with it (FEP-7628, as
Mastodon does it: the old actor says so, and the new one names the old in `alsoKnownAs`)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from activitypub.errors import ProtocolError
from activitypub.model import Activity, Actor
from activitypub.origins import host_of
from fedserver.context import Context
from fedserver.effects import many, persons_word
from fedserver.effects.acts import Act, Audience, Outgoing
from fedserver.effects.incoming import Incoming
from fedserver.effects.many import Followed
from fedserver.effects.outcomes import Ignored
from fedserver.errors import FedserverError, Refused
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.services.recovery_pins import Word
from fedserver.services.successions import require_successor
from storage.accounts import ACCOUNT_BY_ID, ACCOUNT_BY_URI, AccountRow
from storage.database import Transaction
from storage.moves import (
    ADD_AUTHOR_TO_HOMES,
    BLOCKERS_TO_MOVE,
    COPY_FOLLOWS,
    COPY_LIST_PLACES,
    COPY_MUTES,
    COPY_NOTES,
    COUNT_FOLLOWS,
    END_FOLLOWS_BY,
    FOLLOWS_TO_MOVE,
    INSERT_BLOCKS,
    MARK_MOVED,
    UNCOUNT_FOLLOWS_BY,
    FollowToMoveRow,
)
from storage.notifying import NOTIFY_OF_FOLLOWERS
from storage.recovery_keys import KEEP_FOLLOWERS

# Two accounts that name each other could send followers back and forth for ever. Mastodon waits
# as long: 7 days for what peers say, 30 for its own people.
COOLDOWN = timedelta(days=7)
OWN_COOLDOWN = timedelta(days=30)
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Move(Act):
    """The actor goes on as `target`, whose document was read just now."""

    type: ClassVar[str] = "Move"

    target: AccountRow
    # The person's own, by their recovery key; None: their server says it.
    word: Word | None = None
    # The recovery key of the old instance says that it goes on at the target's host.
    vouched: bool = False

    @classmethod
    async def read(cls, incoming: Incoming) -> "Move":
        """Make the act of a peer's Move of its own actor; the target is read anew."""
        activity = incoming.activity
        if activity.object_id != incoming.actor.uri:
            raise Ignored("only the Move that the old account sends is believed")
        if activity.target is None:
            raise Ignored("the Move names no target")
        vouched = incoming.word is None and await require_successor(
            incoming.ctx, incoming.actor.uri, activity.target
        )
        target = await read_anew(incoming.ctx, activity.target, incoming.budget)
        return cls(
            actor=incoming.actor,
            uri=incoming.uri,
            target=target,
            word=incoming.word,
            vouched=vouched,
        )

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.target.id == self.actor.id:
            raise Refused("an account cannot move to itself")
        if self.target.gone:
            raise Refused("the target is suspended or deleted")
        if self.target.moved_to_id is not None:
            raise Refused("the target has moved itself")
        if self.actor.uri not in self.target.also_known_as:
            raise Refused("the target does not name the old account in alsoKnownAs")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        now = ctx.clock.now()
        if self.word is not None:
            return await self._by_person(ctx, tx, self.word)
        before = await self._went_before(tx)
        since = now - (OWN_COOLDOWN if self.actor.local else COOLDOWN)
        since = now if before is not None else since
        if not await tx.execute(MARK_MOVED, self.actor.id, self.target.id, now, since):
            return await self._again(tx)
        await tx.execute(KEEP_FOLLOWERS, self.actor.id, None, self.target.id, now)
        await _move_followers(ctx, tx, self.actor, self.target)
        if before is not None:
            await _move_followers(ctx, tx, before, self.target, asked=True)
        await _carry_over(ctx, tx, self.actor, self.target)
        return True

    async def _by_person(self, ctx: Context, tx: Transaction, word: Word) -> bool:
        """The person's own word needs no cooldown, and takes back what their server did lately."""
        now = ctx.clock.now()
        row = await tx.one(ACCOUNT_BY_ID, self.actor.id)
        before = row is not None and row.moved_to_id == self.target.id
        await persons_word.write_down(tx, self.actor, word)
        back = await persons_word.bring_followers_back(ctx, tx, self.actor, self.target)
        if before and not back:
            return False
        await tx.execute(MARK_MOVED, self.actor.id, self.target.id, now, now + COOLDOWN)
        await _move_followers(ctx, tx, self.actor, self.target)
        await _carry_over(ctx, tx, self.actor, self.target)
        return True

    async def _went_before(self, tx: Transaction) -> AccountRow | None:
        """Give where somebody else who held the old keys had moved the account, before the word of
        the recovery key came: its followers are fetched back from there."""
        row = await tx.one(ACCOUNT_BY_ID, self.actor.id)
        if not self.vouched or row is None or row.moved_to_id in (None, self.target.id):
            return None
        before = await tx.one(ACCOUNT_BY_ID, row.moved_to_id)
        if before is None or host_of(before.uri) == host_of(self.target.uri):
            return None
        return before

    async def _again(self, tx: Transaction) -> bool:
        row = await tx.one(ACCOUNT_BY_ID, self.actor.id)
        if row is not None and row.moved_to_id == self.target.id:
            return False
        days = (OWN_COOLDOWN if self.actor.local else COOLDOWN).days
        raise Refused(f"the account moved before, less than {days} days ago")

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=self.actor.uri,
            object=self.actor.uri,
            target=self.target.uri,
            to=(self.actor.followers_url,) if self.actor.followers_url else (),
        )
        return Outgoing(activity)


async def read_anew(ctx: Context, uri: str, budget: Budget) -> AccountRow:
    """Give the account of `uri` as its own server has it now: old news name no new aliases.

    Raises as `resolve.fetch_account` does.
    """
    known = await ctx.db.one(ACCOUNT_BY_URI, uri)
    if known is not None and known.local:
        return known
    return await resolve.fetch_account(ctx, uri, budget)


async def read_signpost(incoming: Incoming, updated: Actor) -> None:
    """Read whom a changed profile names in `movedTo` (Misskey sends no Move for it at times), so
    that the profile can lead there. One that cannot be had leads nowhere."""
    if updated.moved_to is None:
        return
    try:
        await read_anew(incoming.ctx, updated.moved_to, incoming.budget)
    except (FedserverError, ProtocolError):
        return


async def _move_followers(
    ctx: Context, tx: Transaction, old: AccountRow, new: AccountRow, *, asked: bool = False
) -> None:
    """Let our followers of `old` (and who `asked` to be) follow `new` instead, under the settings
    they had."""
    after = 0
    while True:
        follows = await tx.fetch(FOLLOWS_TO_MOVE, old.id, new.id, after, _BATCH, asked)
        if follows:
            await _move_batch(ctx, tx, old, new, follows)
        if len(follows) < _BATCH:
            return
        after = follows[-1].id


async def _move_batch(
    ctx: Context,
    tx: Transaction,
    old: AccountRow,
    new: AccountRow,
    follows: list[FollowToMoveRow],
) -> None:
    following = many.doers(ctx, [(one.account_id, one.actor_uri) for one in follows])
    now = ctx.clock.now()
    # One of ours has agreed by naming the old account, also where it is locked.
    accepted_at = now if new.local else None
    begun = set(
        await tx.values(
            COPY_FOLLOWS,
            [one.number for one in following],
            [one.account_id for one in following],
            [one.uri for one in following],
            old.id,
            new.id,
            accepted_at,
            now,
        )
    )
    people = [one.account_id for one in follows]
    await tx.execute(COPY_LIST_PLACES, people, old.id, new.id, ctx.ids.new())
    if new.local:
        await _welcome(ctx, tx, new, sorted(begun))
    told = [one for one in following if one.account_id in begun]
    await many.tell_of(ctx, tx, "Follow", new, told)
    ended = [Followed(one.account_id, one.actor_uri, one.uri) for one in follows]
    await many.unfollow(ctx, tx, old, ended)


async def _welcome(ctx: Context, tx: Transaction, new: AccountRow, followers: list[int]) -> None:
    await tx.execute(COUNT_FOLLOWS, followers, new.id, 1)
    await tx.execute(ADD_AUTHOR_TO_HOMES, followers, new.id)
    ids = [ctx.ids.new() for _ in followers]
    await tx.execute(NOTIFY_OF_FOLLOWERS, ids, followers, new.id, ctx.clock.now())


async def _carry_over(ctx: Context, tx: Transaction, old: AccountRow, new: AccountRow) -> None:
    """Nobody gets rid of a block or a mute by moving."""
    now = ctx.clock.now()
    await tx.execute(COPY_NOTES, old.id, new.id)
    await tx.execute(COPY_MUTES, old.id, new.id, ctx.ids.new(), now)
    blockers = await tx.fetch(BLOCKERS_TO_MOVE, old.id, new.id)
    blocking = many.doers(ctx, [(one.account_id, one.actor_uri) for one in blockers])
    await tx.execute(
        INSERT_BLOCKS,
        [one.number for one in blocking],
        [one.account_id for one in blocking],
        [one.uri for one in blocking],
        new.id,
        now,
    )
    parted = await tx.values(END_FOLLOWS_BY, new.id, [one.account_id for one in blocking])
    await tx.execute(UNCOUNT_FOLLOWS_BY, new.id, parted)
    await many.tell_of(ctx, tx, "Block", new, blocking)

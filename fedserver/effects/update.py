"""Update: an author edits a status, or an actor its profile (ActivityPub §6.3, §7.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar

from activitypub.addressing import PUBLIC
from activitypub.model import Activity, Actor, Object
from fedserver import documents
from fedserver.context import Context
from fedserver.effects import persons_word
from fedserver.effects.acts import Act, Audience, Notice, Outgoing
from fedserver.effects.bringing import bring_status, status_of_object
from fedserver.effects.consents import write_consents
from fedserver.effects.conversing import converse
from fedserver.effects.create import note_activity, status_audience
from fedserver.effects.incoming import Incoming
from fedserver.effects.move import read_signpost
from fedserver.effects.new_status import NewStatus, write_parts
from fedserver.effects.others_leave import take_claim
from fedserver.effects.outcomes import Ignored
from fedserver.effects.signals import signal_edit
from fedserver.errors import NotFound
from fedserver.services import resolve
from fedserver.services.cards import link_of
from fedserver.services.recovery_pins import Word
from storage.accounts import ACCOUNT_BY_ID, KEYS_OF_ACCOUNT
from storage.approvals import IS_WITHHELD
from storage.cards import FORGET_CARD_OF_STATUS
from storage.collections import UNLINK_COLLECTIONS
from storage.database import Transaction
from storage.media import DELETE_MEDIA_OF_STATUS, DETACH_OTHER_MEDIA, MEDIA_OF_STATUSES, MediaRow
from storage.moves import MOVED_TO
from storage.notifying import NOTIFY_OF_EDIT, NOTIFY_OF_QUOTED_EDIT
from storage.reactions import (
    DELETE_POLL_OF_STATUS,
    POLL_OF_STATUS,
    SET_POLL_TOTALS,
    PollRow,
)
from storage.relations import FOLLOWED_HERE
from storage.statuses import (
    DELETE_MENTIONS,
    DELETE_STATUS_TAGS,
    INSERT_EDIT,
    STATUS_BY_URI,
    UPDATE_STATUS,
    StatusRow,
)


async def read_update(incoming: Incoming) -> Act:
    """Make the act of a peer's Update, of its own actor or of a status it wrote."""
    updated = incoming.activity.object
    if isinstance(updated, Actor):
        await read_signpost(incoming, updated)
        return UpdateActor(
            actor=incoming.actor,
            uri=incoming.uri,
            document=updated,
            word=incoming.word,
        )
    status = await incoming.ctx.db.one(STATUS_BY_URI, incoming.object_id)
    if status is None:
        return await _unknown(incoming)
    if status.account_id != incoming.actor.id:
        raise Ignored("only its author may edit a status")
    if not isinstance(updated, Object):
        raise Ignored("the update holds no object")
    changed = await status_of_object(incoming.ctx, updated, incoming.actor, incoming.budget)
    return UpdateStatus(
        actor=incoming.actor,
        uri=incoming.uri,
        status=status,
        changed=changed,
        edited=_is_edit(status, updated, changed),
        edited_at=updated.updated,
    )


def _is_edit(status: StatusRow, updated: Object, changed: NewStatus) -> bool:
    """An edit has a time. One that we know, with the same words, says something else anew: the
    totals of a poll, or that a quote is consented to."""
    if updated.updated is None:
        return False
    if status.edited_at is None or updated.updated > status.edited_at:
        return True
    same = (changed.content, changed.spoiler_text) == (status.content, status.spoiler_text)
    return not same


async def _unknown(incoming: Incoming) -> Act:
    """An Update can come before its Create; what we do not know is fetched if somebody cares."""
    if not await incoming.ctx.db.value(FOLLOWED_HERE, incoming.actor.id):
        raise Ignored("it updates a status that is not known here")
    await bring_status(incoming.ctx, incoming.object_id, incoming.budget)
    raise Ignored("the updated status was fetched from its origin")


@dataclass(frozen=True, kw_only=True)
class UpdateStatus(Act):
    """Edit `status`; `changed` has its new parts, under the same id and URI.

    `edited` False refreshes a poll's totals, or what is said of quotes, without an entry in the
    history. `edited_at` is when, as its author says. What comes late, after a later edit, changes
    nothing: nobody can bring an earlier version back.
    """

    type: ClassVar[str] = "Update"

    status: StatusRow
    changed: NewStatus
    edited: bool = True
    edited_at: datetime | None = None

    async def allow(self, ctx: Context, tx: Transaction) -> None:
        if self.status.account_id != self.actor.id or self.status.reblog_of_id is not None:
            raise NotFound("Record not found")

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self._is_late():
            return False
        poll = await tx.one(POLL_OF_STATUS, self.status.id)
        told_more = await self._write_consents(ctx, tx)
        told_more |= await take_claim(ctx, tx, self.status.uri, self.changed.claim)
        if not self.edited:
            return await self._refresh_poll(tx, poll) or told_more
        await self._keep_history(ctx, tx, poll)
        await self._write(ctx, tx, poll)
        for notice in (NOTIFY_OF_EDIT, NOTIFY_OF_QUOTED_EDIT):
            await tx.execute(notice, ctx.ids.new(), self.actor.id, self.status.id, ctx.clock.now())
        await signal_edit(tx, self.status.id)
        return True

    def _is_late(self) -> bool:
        known, said = self.status.edited_at, self.edited_at
        return known is not None and said is not None and said < known

    async def _write_consents(self, ctx: Context, tx: Transaction) -> bool:
        consents = self.changed.consents
        if consents is None:
            return False
        return await write_consents(ctx, tx, self.actor, self.status.id, consents)

    async def _refresh_poll(self, tx: Transaction, poll: PollRow | None) -> bool:
        new = self.changed.poll
        if poll is None or new is None or tuple(poll.options) != new.options:
            return False
        await tx.execute(
            SET_POLL_TOTALS,
            poll.id,
            list(new.votes),
            new.voters_count,
            new.expires_at,
            new.closed_at,
        )
        return True

    async def _keep_history(self, ctx: Context, tx: Transaction, poll: PollRow | None) -> None:
        media = await tx.fetch(MEDIA_OF_STATUSES, [self.status.id])
        await tx.execute(
            INSERT_EDIT,
            ctx.ids.new(),
            self.status.id,
            self.status.content,
            self.status.source,
            self.status.spoiler_text,
            self.status.sensitive,
            [_kept_media(one) for one in media],
            list(poll.options) if poll else None,
            self.status.edited_at or self.status.created_at,
        )

    async def _write(self, ctx: Context, tx: Transaction, poll: PollRow | None) -> None:
        changed, status_id = self.changed, self.status.id
        await tx.execute(
            UPDATE_STATUS,
            status_id,
            self.actor.id,
            changed.content,
            changed.source,
            changed.spoiler_text,
            changed.sensitive,
            changed.language,
            list(changed.emojis),
            min(self.edited_at or ctx.clock.now(), ctx.clock.now()),
        )
        await tx.execute(DELETE_MENTIONS, status_id)
        await tx.execute(DELETE_STATUS_TAGS, status_id)
        await tx.execute(UNLINK_COLLECTIONS, status_id)
        await self._clear_media(tx)
        url = link_of(changed.content, ctx.config.base_url)
        await tx.execute(FORGET_CARD_OF_STATUS, status_id, url)
        kept_poll = await self._refresh_poll(tx, poll)
        if not kept_poll:
            await tx.execute(DELETE_POLL_OF_STATUS, status_id)
        await write_parts(ctx, tx, self.actor, _under_id(changed, status_id, kept_poll))

    async def _clear_media(self, tx: Transaction) -> None:
        if self.actor.local:
            kept = list(self.changed.media_ids)
            await tx.execute(DETACH_OTHER_MEDIA, self.status.id, self.actor.id, kept)
        else:
            await tx.execute(DELETE_MEDIA_OF_STATUS, self.status.id)

    def notices(self) -> Sequence[Notice]:
        if self.status.withheld:
            return ()
        return tuple(
            Notice(one.account.id, "mention", self.status.id)
            for one in self.changed.mentions
            if not one.silent and self.edited
        )

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.status.visibility == "direct" and self.edited:
            await converse(ctx, tx, [self.status.id])
        return ()

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return await status_audience(tx, self.actor.id, self.changed)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        if await tx.value(IS_WITHHELD, self.status.id):
            return None  # nobody but whom was asked has it yet
        return await note_activity(ctx, tx, self, self.status.id, listed=False)


def _under_id(changed: NewStatus, status_id: int, kept_poll: bool) -> NewStatus:
    return replace(changed, id=status_id, poll=None if kept_poll else changed.poll)


def _kept_media(row: MediaRow) -> dict[str, Any]:
    """What the history shows of an attachment that may be gone by then."""
    return {
        "id": str(row.id),
        "type": row.type,
        "blob": row.blob,
        "preview_blob": row.preview_blob,
        "remote_url": row.remote_url,
        "preview_remote_url": row.preview_remote_url,
        "description": row.description,
        "blurhash": row.blurhash,
        "meta": row.meta,
    }


@dataclass(frozen=True, kw_only=True)
class UpdateActor(Act):
    """Tell of a changed profile. `document` is a peer's own; ours is read from the rows."""

    type: ClassVar[str] = "Update"

    document: Actor | None = None
    # The person's own, by their recovery key; None: their server says it.
    word: Word | None = None

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.document is not None:
            by_person = self.word is not None
            await resolve.refresh_in(ctx, tx, self.actor, self.document, by_person=by_person)
        if self.word is not None:
            await persons_word.write_down(tx, self.actor, self.word)
        return True

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        return Audience(followers_of=self.actor.id)

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        account = await tx.one(ACCOUNT_BY_ID, self.actor.id)
        if account is None:
            raise NotFound("Record not found")
        keys = await tx.fetch(KEYS_OF_ACCOUNT, account.id)
        moved_to = await tx.value(MOVED_TO, account.id)
        activity = Activity(
            id=self.uri,
            type=self.type,
            actor=account.uri,
            object=documents.actor(ctx, account, keys, moved_to=moved_to),
            to=(PUBLIC,),
        )
        return Outgoing(activity)

"""Editing a status (Mastodon API: statuses#update). Every edit stays in the history."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import Mentioned, NewPoll, NewStatus, UpdateStatus
from fedserver.errors import NotFound
from fedserver.mastodon.composing import (
    EditParams,
    claim_media,
    compose,
    language,
    new_poll,
    poll_end,
    poll_options,
    usable_media,
)
from fedserver.mastodon.media import described
from fedserver.mastodon.policies import change_interaction_policy
from fedserver.mastodon.quoting import change_policy, fallback_again
from fedserver.mastodon.subjects import acting_account, new_activity_uri, own_status
from fedserver.routing import JSON, Caller, endpoint
from storage.accounts import ACCOUNTS_BY_IDS, AccountRow
from storage.database import Transaction
from storage.documents import MENTIONED
from storage.media import DESCRIBE_MEDIA, MEDIA_OF_STATUSES, MediaRow
from storage.profiles import LOCK_STATUS
from storage.quotes import QUOTE_OF_STATUS
from storage.reactions import LOCK_POLL, POLL_OF_STATUS, PollRow
from storage.statuses import StatusRow


@dataclass(frozen=True, slots=True)
class Described:
    """An attachment's new description and focus."""

    media_id: int
    description: str | None
    meta: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class EditStatus(UpdateStatus):
    """An edit that also says what attachments show, after the history has kept the old words."""

    descriptions: tuple[Described, ...] = ()

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        stored = await super().store(ctx, tx)
        for one in self.descriptions:
            await tx.execute(DESCRIBE_MEDIA, one.media_id, self.actor.id, one.description, one.meta)
        return stored


@endpoint("PUT", "/api/v1/statuses/{status_id}", scope="write:statuses")
async def edit_status(ctx: Context, caller: Caller, status_id: int, params: EditParams) -> JSON:
    """Replace text, warning, language, attachments and poll. What changes nothing is no edit."""
    row = await own_status(ctx, status_id, caller)
    if row.reblog_of_id is not None:
        raise NotFound("Record not found")
    author = await acting_account(ctx, caller)
    await _edit(ctx, author, row, params)
    await change_policy(ctx, author, row, params.quote_approval_policy)
    await change_interaction_policy(ctx, author, row, params.interaction_policy)
    return await entities.status(ctx, row.id, caller.account_id)


async def _edit(ctx: Context, author: AccountRow, row: StatusRow, params: EditParams) -> None:
    media = await usable_media(ctx, author, params, row.id)
    changed = await _changed(ctx, author, row, params, media)
    descriptions = _descriptions(params, media)
    uri = new_activity_uri(ctx)
    async with ctx.db.transaction() as tx:
        before = await _locked(tx, row.id)
        await claim_media(tx, author, changed.media_ids, row.id)
        poll = await _locked_poll(tx, row.id)
        changed = replace(changed, poll=_poll(ctx, params, poll))
        if not descriptions and await _same(tx, before, changed, poll):
            return
        act = EditStatus(
            actor=author, uri=uri, status=before, changed=changed, descriptions=descriptions
        )
        await effects.perform_in(ctx, tx, act)


async def _locked(tx: Transaction, status_id: int) -> StatusRow:
    row = await tx.one(LOCK_STATUS, status_id)
    if row is None:
        raise NotFound("Record not found")
    return row


async def _changed(
    ctx: Context,
    author: AccountRow,
    row: StatusRow,
    params: EditParams,
    media: Sequence[MediaRow],
) -> NewStatus:
    quotes = await ctx.db.one(QUOTE_OF_STATUS, row.id) is not None
    words = await compose(ctx, author, params, has_more=bool(media) or quotes)
    return NewStatus(
        id=row.id,
        uri=row.uri,
        url=row.url,
        visibility=row.visibility,
        content=await fallback_again(ctx, row.id, words.html),
        source=words.text,
        created_at=row.created_at,
        spoiler_text=words.spoiler_text,
        sensitive=bool(params.sensitive) or bool(params.spoiler_text.strip()),
        language=language(params.language, row.language),
        emojis=words.emojis,
        mentions=await _with_earlier(ctx, row, words.mentions),
        tags=words.tags,
        collections=words.collections,
        media_ids=tuple(one.id for one in media),
    )


async def _with_earlier(
    ctx: Context, row: StatusRow, mentions: tuple[Mentioned, ...]
) -> tuple[Mentioned, ...]:
    """Whoever was addressed before still is, though no longer named."""
    named = {one.account.id for one in mentions}
    before = {one.account_id for one in await ctx.db.fetch(MENTIONED, [row.id])} - named
    rows = await ctx.db.fetch(ACCOUNTS_BY_IDS, sorted(before)) if before else []
    return (*mentions, *(Mentioned(one, silent=True) for one in rows))


async def _locked_poll(tx: Transaction, status_id: int) -> PollRow | None:
    """Give the poll with its votes, which nobody can change until the edit is done."""
    poll = await tx.one(POLL_OF_STATUS, status_id)
    if poll is None:
        return None
    return await tx.one(LOCK_POLL, poll.id)


def _poll(ctx: Context, params: EditParams, before: PollRow | None) -> NewPoll | None:
    """Give the poll after the edit: with other choices it begins anew, else its votes stay."""
    if params.poll is None:
        return None
    if before is None or tuple(before.options) != poll_options(params.poll):
        return new_poll(ctx, params.poll)
    running = before.closed_at is None and params.poll.expires_in is not None
    return NewPoll(
        options=tuple(before.options),
        votes=tuple(before.votes),
        multiple=before.multiple,
        hide_totals=before.hide_totals,
        expires_at=poll_end(ctx, params.poll) if running else before.expires_at,
        closed_at=before.closed_at,
        voters_count=before.voters_count,
    )


async def _same(tx: Transaction, row: StatusRow, changed: NewStatus, poll: PollRow | None) -> bool:
    media = await tx.fetch(MEDIA_OF_STATUSES, [row.id])
    options = changed.poll.options if changed.poll else None
    return (
        row.source == changed.source
        and row.spoiler_text == changed.spoiler_text
        and row.sensitive == changed.sensitive
        and row.language == changed.language
        and tuple(one.id for one in media) == changed.media_ids
        and (tuple(poll.options) if poll else None) == options
    )


def _descriptions(params: EditParams, media: Sequence[MediaRow]) -> tuple[Described, ...]:
    """Give what `media_attributes` change; other people's attachments are not even looked at."""
    rows = {one.id: one for one in media}
    changes = []
    for given in params.media_attributes:
        row = rows.get(given.id)
        if row is None:
            continue
        description, meta = described(row, given.description, given.focus)
        if (description, meta) != (row.description, row.meta):
            changes.append(Described(row.id, description, meta))
    return tuple(changes)

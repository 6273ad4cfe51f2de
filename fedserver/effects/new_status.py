"""A status that is to be: made of a client's request or of a peer's object, stored by Create."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from fedserver.context import Context
from fedserver.effects.consents import NOTHING, Consents, write_consents
from fedserver.effects.gate import OPEN, Claim, Interaction, Passed, pass_gate
from fedserver.services.cards import link_of
from storage.accounts import AccountRow
from storage.approvals import WITHHOLD_EARLY_ANSWERS
from storage.cards import WISH_FOR_CARD
from storage.collections import LINK_COLLECTIONS
from storage.conversations import MOVE_CONVERSATIONS
from storage.database import Transaction
from storage.media import ATTACH_MEDIA, INSERT_MEDIA
from storage.quotes import ADOPT_QUOTES
from storage.reactions import INSERT_POLL
from storage.statuses import (
    ADOPT_ORPHANS,
    COUNT_REPLY,
    INSERT_MENTIONS,
    INSERT_STATUS,
    PUT_TAGS,
    StatusRow,
)
from storage.threads import MOVE_THREADS, PUT_COLLECTIONS

_SPREAD_OVER_S: Final = 60


@dataclass(frozen=True, slots=True)
class Mentioned:
    """An account a status names, or (`silent`) is merely addressed to."""

    account: AccountRow
    silent: bool = False


@dataclass(frozen=True, slots=True)
class RemoteMedia:
    """An attachment that lies with a peer."""

    type: str
    media_type: str | None
    url: str
    preview_url: str | None
    description: str | None
    blurhash: str | None
    meta: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewPoll:
    """A poll; `votes` come from a peer's own totals, ours begin at zero."""

    options: tuple[str, ...]
    votes: tuple[int, ...]
    multiple: bool
    hide_totals: bool
    expires_at: datetime | None
    closed_at: datetime | None
    voters_count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStatus:
    """Everything a status consists of. `content` is clean HTML; `tags` are as written."""

    id: int
    uri: str
    url: str
    visibility: str
    content: str
    created_at: datetime
    source: str = ""
    object_type: str = "Note"
    parent: StatusRow | None = None
    parent_uri: str | None = None
    spoiler_text: str = ""
    sensitive: bool = False
    language: str | None = None
    emojis: Sequence[dict[str, Any]] = ()
    mentions: tuple[Mentioned, ...] = ()
    tags: tuple[str, ...] = ()
    media: tuple[RemoteMedia, ...] = ()
    media_ids: tuple[int, ...] = ()
    poll: NewPoll | None = None
    application_id: int | None = None
    idempotency_key: str | None = field(default=None)
    # Where a peer has more of the thread (ActivityStreams `replies`, FEP-7888 `context`).
    replies_uri: str | None = None
    context_uri: str | None = None
    # Addresses of collections of accounts that it links to, as far as they are known here.
    collections: tuple[str, ...] = ()
    consents: Consents | None = None  # None: what is written of them stays
    claim: Claim | None = None  # the leave of whom it answers, that it names


async def insert_status(
    ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus
) -> Passed | None:
    """Write the status and all its parts, and give whether people may see it. None: its id or URI
    exists already. Raises Refused where whom it answers does not allow it."""
    if not await _insert_row(tx, author, status):
        return None
    await write_parts(ctx, tx, author, status)
    passed = await _answer(ctx, tx, author, status)
    if status.replies_uri or status.context_uri:
        await tx.execute(PUT_COLLECTIONS, status.id, status.replies_uri, status.context_uri)
    if status.consents not in (None, NOTHING):
        await write_consents(ctx, tx, author, status.id, status.consents, new=True)
    if not author.local:
        await _adopt(ctx, tx, author, status)
    return passed


async def _answer(ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus) -> Passed:
    """Count a reply that people may see."""
    parent = status.parent
    if parent is None:
        return OPEN
    done = Interaction("reply", parent, author, status.uri, made_id=status.id, claim=status.claim)
    passed = await pass_gate(ctx, tx, done)
    if not passed.withheld:
        await tx.execute(COUNT_REPLY, parent.id, 1)
    return passed


async def _adopt(ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus) -> None:
    """Join what came before the status and names it. Nobody can have named one of ours."""
    moved = await tx.values(MOVE_THREADS, status.uri, thread_id(status))
    if moved:
        await tx.execute(MOVE_CONVERSATIONS, moved, thread_id(status))
    await tx.execute(ADOPT_ORPHANS, status.uri, status.id, author.id, thread_id(status))
    await tx.execute(ADOPT_QUOTES, status.uri, status.id, author.id)
    policy = status.consents.interaction_policy if status.consents else None
    if policy is not None and "reply" in policy:
        may = policy["reply"]["automatic"]
        now = ctx.clock.now()
        await tx.execute(WITHHOLD_EARLY_ANSWERS, status.id, author.id, may, ctx.ids.new(), now)


async def write_parts(ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus) -> None:
    """Write mentions, hashtags, media and poll of a status whose row exists."""
    await _write_mentions(tx, status)
    await _write_tags(ctx, tx, status)
    await _write_media(ctx, tx, author, status)
    if status.collections:
        await tx.execute(LINK_COLLECTIONS, status.id, list(status.collections))
    await _wish_for_card(ctx, tx, author, status)
    if status.poll is not None:
        await _write_poll(ctx, tx, author, status.id, status.poll)


def thread_id(status: NewStatus) -> int:
    """Give the thread: the answered status's, or the status itself begins one."""
    return status.parent.thread_id if status.parent is not None else status.id


async def _insert_row(tx: Transaction, author: AccountRow, status: NewStatus) -> int:
    parent = status.parent
    return await tx.execute(
        INSERT_STATUS,
        status.id,
        status.uri,
        status.url,
        author.id,
        author.local,
        status.object_type,
        status.visibility,
        None,
        parent.id if parent else None,
        parent.account_id if parent else None,
        parent.uri if parent else status.parent_uri,
        thread_id(status),
        status.content,
        status.source,
        status.spoiler_text,
        status.sensitive,
        status.language,
        list(status.emojis),
        status.application_id,
        status.created_at,
    )


async def _write_mentions(tx: Transaction, status: NewStatus) -> None:
    if status.mentions:
        await tx.execute(
            INSERT_MENTIONS,
            status.id,
            [one.account.id for one in status.mentions],
            [one.silent for one in status.mentions],
        )


async def _write_tags(ctx: Context, tx: Transaction, status: NewStatus) -> None:
    by_name = {tag.lower(): tag for tag in status.tags}
    # In one order everywhere, so that two posts with the same tags cannot wait for each other.
    names = sorted(by_name)
    if names:
        ids = [ctx.ids.new() for _ in names]
        shown = [by_name[name] for name in names]
        await tx.execute(PUT_TAGS, status.id, ids, names, shown, ctx.clock.now())


async def _write_media(
    ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus
) -> None:
    if status.media_ids:
        positions = list(range(len(status.media_ids)))
        await tx.execute(ATTACH_MEDIA, status.id, author.id, list(status.media_ids), positions)
    for position, one in enumerate(status.media):
        await tx.execute(
            INSERT_MEDIA,
            ctx.ids.new(),
            author.id,
            status.id,
            position,
            one.type,
            one.media_type,
            None,
            None,
            one.url,
            one.preview_url,
            one.description,
            one.blurhash,
            one.meta,
            ctx.clock.now(),
        )


async def _wish_for_card(
    ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus
) -> None:
    """Have the first link looked at: of our own posts at once, of peers' spread over a minute, so
    that a post that comes to many servers does not bring them all at one time."""
    if not ctx.config.media.link_previews:
        return
    url = link_of(status.content, ctx.config.base_url)
    if url is not None:
        wait_s = 0 if author.local else status.id % _SPREAD_OVER_S
        due_at = ctx.clock.now() + timedelta(seconds=wait_s)
        await tx.execute(WISH_FOR_CARD, status.id, url, due_at)


async def _write_poll(
    ctx: Context, tx: Transaction, author: AccountRow, status_id: int, poll: NewPoll
) -> None:
    await tx.execute(
        INSERT_POLL,
        ctx.ids.new(),
        status_id,
        author.id,
        list(poll.options),
        list(poll.votes),
        poll.voters_count,
        poll.multiple,
        poll.hide_totals,
        poll.expires_at,
        poll.closed_at,
    )

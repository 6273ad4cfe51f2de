"""Local statuses as Note and Question objects."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from activitypub.addressing import Visibility, address
from activitypub.model import Attachment, Hashtag, Mention, Object, Poll, PollOption, Source
from fedserver.context import Context
from fedserver.documents.actors import emoji
from fedserver.documents.quotes import by_status, with_consents
from fedserver.uris import Uris
from storage.collections import COLLECTIONS_LINKED, LinkedCollectionRow
from storage.documents import (
    MENTIONED,
    TAGGED,
    THREAD_FACTS,
    MentionedRow,
    TaggedRow,
    ThreadFactsRow,
)
from storage.media import MEDIA_OF_STATUSES, MediaRow
from storage.query import Query
from storage.quotes import CONSENTS, ConsentRow
from storage.reactions import POLLS_OF_STATUSES, PollRow
from storage.statuses import StatusRow

T = TypeVar("T")


class Fetches(Protocol):
    """The database or a transaction."""

    async def fetch(self, query: Query[T], *args: object) -> list[T]: ...


@dataclass(frozen=True, slots=True)
class _Parts:
    facts: dict[int, ThreadFactsRow]
    mentions: dict[int, list[MentionedRow]]
    tags: dict[int, list[TaggedRow]]
    media: dict[int, list[MediaRow]]
    polls: dict[int, PollRow]
    consents: Mapping[int, ConsentRow]
    collections: dict[int, list[LinkedCollectionRow]]


async def notes(
    ctx: Context, rows: Sequence[StatusRow], db: Fetches | None = None
) -> dict[int, Object]:
    """Give the objects of local statuses by id, with seven queries whatever their number."""
    if not rows:
        return {}
    parts = await _load(db or ctx.db, [row.id for row in rows])
    return {row.id: _note(ctx, row, parts) for row in rows}


async def _load(db: Fetches, ids: list[int]) -> _Parts:
    return _Parts(
        facts={row.status_id: row for row in await db.fetch(THREAD_FACTS, ids)},
        mentions=_grouped(await db.fetch(MENTIONED, ids)),
        tags=_grouped(await db.fetch(TAGGED, ids)),
        media=_grouped(await db.fetch(MEDIA_OF_STATUSES, ids)),
        polls={row.status_id: row for row in await db.fetch(POLLS_OF_STATUSES, ids)},
        consents=by_status(await db.fetch(CONSENTS, ids)),
        collections=_grouped(await db.fetch(COLLECTIONS_LINKED, ids)),
    )


class _OfStatus(Protocol):
    @property
    def status_id(self) -> int | None: ...


S = TypeVar("S", bound=_OfStatus)


def _grouped(rows: Iterable[S]) -> dict[int, list[S]]:
    groups: dict[int, list[S]] = defaultdict(list)
    for row in rows:
        if row.status_id is not None:
            groups[row.status_id].append(row)
    return groups


def _note(ctx: Context, row: StatusRow, parts: _Parts) -> Object:
    facts = parts.facts[row.id]
    mentions = parts.mentions.get(row.id, [])
    to, cc = address(
        Visibility(row.visibility), facts.author_followers_url or "", [one.uri for one in mentions]
    )
    uris = Uris(ctx.config.base_url)
    poll = parts.polls.get(row.id)
    note = Object(
        id=row.uri,
        type="Question" if poll else row.object_type,
        attributed_to=(facts.author_uri,),
        summary=row.spoiler_text or None,
        content=row.content,
        content_map={row.language: row.content} if row.language else {},
        source=Source(row.source, "text/plain") if row.source else None,
        language=row.language,
        published=row.created_at,
        updated=row.edited_at,
        to=to,
        cc=cc,
        in_reply_to=facts.parent_uri,
        context=facts.context_uri,
        conversation=facts.thread_uri,
        url=row.url,
        attachments=tuple(_attachment(uris, one) for one in parts.media.get(row.id, [])),
        mentions=tuple(_mention(ctx, one) for one in mentions if not one.silent),
        hashtags=tuple(
            Hashtag(href=uris.tag(one.name), name=one.display_name)
            for one in parts.tags.get(row.id, [])
        ),
        emojis=tuple(emoji(one) for one in row.emojis),
        collections=tuple(one.uri for one in parts.collections.get(row.id, [])),
        sensitive=row.sensitive,
        poll=_poll(poll) if poll else None,
        replies=f"{row.uri}/replies",
        likes=f"{row.uri}/likes",
        shares=f"{row.uri}/shares",
    )
    return with_consents(note, facts.author_followers_url, parts.consents.get(row.id))


def _mention(ctx: Context, row: MentionedRow) -> Mention:
    domain = row.domain or ctx.config.instance.domain
    return Mention(href=row.uri, name=f"@{row.username}@{domain}")


def _attachment(uris: Uris, row: MediaRow) -> Attachment:
    original = row.meta.get("original", {})
    focus = row.meta.get("focus")
    return Attachment(
        type="Document",
        url=uris.media(row.blob) if row.blob else row.remote_url or "",
        media_type=row.media_type,
        description=row.description,
        width=original.get("width"),
        height=original.get("height"),
        blurhash=row.blurhash,
        focal_point=(focus["x"], focus["y"]) if focus else None,
    )


def _poll(row: PollRow) -> Poll:
    counts = [None] * len(row.options) if row.hide_totals and not row.closed_at else row.votes
    return Poll(
        options=tuple(
            PollOption(name, count or 0) for name, count in zip(row.options, counts, strict=True)
        ),
        multiple=row.multiple,
        end_time=row.expires_at,
        closed=row.closed_at or False,
        voters_count=row.voters_count,
    )

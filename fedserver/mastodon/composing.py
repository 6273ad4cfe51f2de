"""A client's request becomes a NewStatus (Mastodon API: statuses#create and #update)."""

import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from fedserver.context import Context
from fedserver.effects import Mentioned, NewPoll, NewStatus
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.mentioning import emojis_in, resolve_mentions, to_html
from fedserver.mastodon.policies import InteractionPolicyParams, with_policy
from fedserver.mastodon.quoting import new_quote, quoting
from fedserver.mastodon.subjects import shown_status
from fedserver.routing import Id, Params
from fedserver.services import text_out
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.media import MEDIA_FOR_STATUS, MediaRow
from storage.profiles import BLOCKED_AMONG, CLAIM_MEDIA, POSTING_DEFAULTS, PostingDefaultsRow
from storage.statuses import StatusRow

VISIBILITIES = ("public", "unlisted", "private", "direct")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}")
_NO_DEFAULTS = PostingDefaultsRow("public", False, None, "en", "public")


class PollParams(msgspec.Struct, frozen=True, kw_only=True):
    """`poll[…]` of a request."""

    options: list[str] = msgspec.field(default_factory=list)
    expires_in: int | None = None
    multiple: bool = False
    hide_totals: bool = False


class MediaAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """`media_attributes[]…` of an edit."""

    id: Id
    description: str | None = None
    focus: str | None = None


class WordsParams(Params, frozen=True, kw_only=True):
    """What a new status and an edit have in common."""

    status: str = ""
    spoiler_text: str = ""
    sensitive: bool | None = None
    language: str | None = None
    media_ids: list[Id] = msgspec.field(default_factory=list)
    poll: PollParams | None = None


class NewStatusParams(WordsParams, frozen=True, kw_only=True):
    """Parameters of statuses#create."""

    in_reply_to_id: Id | None = None
    quoted_status_id: Id | None = None
    quote_approval_policy: str | None = None
    interaction_policy: InteractionPolicyParams | None = None
    visibility: str | None = None
    scheduled_at: str | None = None


class EditParams(WordsParams, frozen=True, kw_only=True):
    """Parameters of statuses#update: they replace everything, also what is left out."""

    media_attributes: list[MediaAttributes] = msgspec.field(default_factory=list)
    quote_approval_policy: str | None = None
    interaction_policy: InteractionPolicyParams | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a status, checked, and what follows from them."""

    text: str
    spoiler_text: str
    html: str
    mentions: tuple[Mentioned, ...]
    tags: tuple[str, ...]
    collections: tuple[str, ...]
    emojis: list[dict[str, Any]]


async def new_status(
    ctx: Context,
    author: AccountRow,
    application_id: int | None,
    params: NewStatusParams,
    key: str | None,
) -> NewStatus:
    """Give the status that `params` describe, posted now. Raises Invalid with Mastodon's texts."""
    defaults = await posting_defaults(ctx, author)
    parent = await _parent(ctx, author, params.in_reply_to_id)
    media = await usable_media(ctx, author, params, None)
    poll = new_poll(ctx, params.poll) if params.poll is not None else None
    quote = await new_quote(ctx, author, params.quoted_status_id)
    words = await compose(ctx, author, params, has_more=bool(media or quote))
    status_id = ctx.ids.new()
    uris = Uris(ctx.config.base_url)
    status = NewStatus(
        id=status_id,
        uri=uris.status(author.username, status_id),
        url=uris.status_page(author.username, status_id),
        visibility=_visibility(author, params.visibility, defaults),
        content=words.html,
        source=words.text,
        created_at=ctx.clock.now(),
        parent=parent,
        spoiler_text=words.spoiler_text,
        sensitive=_sensitive(params, defaults),
        language=language(params.language, defaults.default_language or defaults.locale),
        emojis=words.emojis,
        mentions=words.mentions,
        tags=words.tags,
        collections=words.collections,
        media_ids=tuple(one.id for one in media),
        poll=poll,
        application_id=application_id,
        idempotency_key=key,
    )
    policy = params.quote_approval_policy or defaults.default_quote_policy
    quoting_status = quoting(status, quote, policy)
    return with_policy(quoting_status, params.interaction_policy, defaults.interaction_policies)


async def posting_defaults(ctx: Context, author: AccountRow) -> PostingDefaultsRow:
    """Give what its author's posts are, where a request does not say."""
    return await ctx.db.one(POSTING_DEFAULTS, author.id) or _NO_DEFAULTS


async def _parent(ctx: Context, author: AccountRow, answered_id: int | None) -> StatusRow | None:
    if answered_id is None:
        return None
    try:
        return await shown_status(ctx, answered_id, author.id)
    except NotFound as error:
        raise NotFound("The post you are trying to reply to does not appear to exist.") from error


def _visibility(author: AccountRow, wanted: str | None, defaults: PostingDefaultsRow) -> str:
    visibility = wanted or defaults.default_visibility
    if visibility not in VISIBILITIES:
        raise Invalid("Validation failed: Visibility is not included in the list")
    silenced = author.silenced_at is not None
    return "unlisted" if silenced and visibility == "public" else visibility


def _sensitive(params: NewStatusParams, defaults: PostingDefaultsRow) -> bool:
    chosen = defaults.default_sensitive if params.sensitive is None else params.sensitive
    return chosen or bool(params.spoiler_text.strip())


def language(wanted: str | None, otherwise: str | None) -> str | None:
    """Give the language tag that a client named, if it has the form of one (RFC 5646)."""
    return wanted if wanted and is_language(wanted) else otherwise


def is_language(tag: str) -> bool:
    """Say whether this has the form of a language tag (RFC 5646)."""
    return _LANGUAGE.fullmatch(tag) is not None


async def compose(
    ctx: Context, author: AccountRow, params: WordsParams, *, has_more: bool
) -> Words:
    """Check the texts of a status and render them; it `has_more` with media or a quote.

    May ask other servers whom they name.
    """
    text, spoiler = params.status.strip(), params.spoiler_text.strip()
    if not text:
        # A warning with nothing behind it is the text.
        text, spoiler = spoiler, ""
    _check_length(ctx, text, spoiler)
    if not text and not has_more:
        raise Invalid("Validation failed: Text can't be blank")
    scan = text_out.scan(text)
    named = await resolve_mentions(ctx, scan.mentions)
    options = params.poll.options if params.poll else []
    return Words(
        text=text,
        spoiler_text=spoiler,
        html=to_html(ctx, text, named),
        mentions=await _mentioned(ctx, author, list(named.values())),
        tags=scan.hashtags,
        collections=tuple(one for one in scan.links if "collections/" in one),
        emojis=await emojis_in(ctx, text, spoiler, *options),
    )


def _check_length(ctx: Context, text: str, spoiler: str) -> None:
    most = ctx.config.statuses.max_characters
    # Whatever counts as one character, a text of this size is none that a person typed.
    too_big = len(text) + len(spoiler) > 100 * most
    if too_big or text_out.length(text) + text_out.length(spoiler) > most:
        raise Invalid(f"Validation failed: Text character limit of {most} exceeded")


async def _mentioned(
    ctx: Context, author: AccountRow, named: Sequence[AccountRow]
) -> tuple[Mentioned, ...]:
    """Who is told and may see it: not those whom the author blocks."""
    by_id = {row.id: row for row in named}
    blocked = await ctx.db.values(BLOCKED_AMONG, author.id, list(by_id)) if by_id else []
    return tuple(Mentioned(row) for row in by_id.values() if row.id not in blocked)


async def usable_media(
    ctx: Context, author: AccountRow, params: WordsParams, status_id: int | None
) -> list[MediaRow]:
    """Give the named attachments in their order: the author's own, on no other status."""
    ids = list(dict.fromkeys(params.media_ids))
    if not ids:
        return []
    most = ctx.config.media.max_attachments
    if len(ids) > most or params.poll is not None:
        raise Invalid(f"Validation failed: Cannot attach more than {most} files")
    rows = {row.id: row for row in await ctx.db.fetch(MEDIA_FOR_STATUS, ids, author.id, status_id)}
    _require_all(ids, rows)
    return _checked([rows[one] for one in ids])


async def claim_media(
    tx: Transaction, author: AccountRow, media_ids: Sequence[int], status_id: int | None
) -> None:
    """Hold the attachments until the end of `tx`. Raises Invalid if one was posted meanwhile."""
    if not media_ids:
        return
    free = await tx.values(CLAIM_MEDIA, media_ids, author.id, status_id)
    _require_all(media_ids, free)


def _require_all(ids: Sequence[int], found: Container[int]) -> None:
    missing = [str(one) for one in ids if one not in found]
    if missing:
        raise Invalid(
            f"Validation failed: Media {', '.join(missing)} not found or already attached to "
            "another post"
        )


def _checked(media: list[MediaRow]) -> list[MediaRow]:
    if len(media) > 1 and any(one.type in ("video", "audio") for one in media):
        raise Invalid(
            "Validation failed: Cannot attach a video to a post that already contains images"
        )
    if any(one.blob is None for one in media):
        raise Invalid(
            "Validation failed: Cannot attach files that have not finished processing. "
            "Try again in a moment!"
        )
    return media


def new_poll(ctx: Context, params: PollParams) -> NewPoll:
    """Give the poll that begins now. Raises Invalid where the instance's limits are not kept."""
    options = poll_options(params)
    _check_options(ctx, options)
    return NewPoll(
        options=options,
        votes=(0,) * len(options),
        multiple=params.multiple,
        hide_totals=params.hide_totals,
        expires_at=poll_end(ctx, params),
        closed_at=None,
        voters_count=0,
    )


def poll_options(params: PollParams) -> tuple[str, ...]:
    """Give the choices as they are kept, without empty ones."""
    return tuple(text.strip() for text in params.options if text.strip())


def _check_options(ctx: Context, options: tuple[str, ...]) -> None:
    limits = ctx.config.statuses
    if len(options) < 2:
        raise Invalid("Validation failed: Poll options must have more than one item")
    if len(options) > limits.max_poll_options:
        raise Invalid(
            f"Validation failed: Poll options can't contain more than {limits.max_poll_options} "
            "items"
        )
    if any(len(option) > limits.max_poll_option_characters for option in options):
        raise Invalid(
            "Validation failed: Poll options can't be longer than "
            f"{limits.max_poll_option_characters} characters each"
        )
    if len(set(options)) < len(options):
        raise Invalid("Validation failed: Poll options contain duplicate items")


def poll_end(ctx: Context, params: PollParams) -> datetime:
    """Give when a poll that is open for `expires_in` from now ends. Raises Invalid."""
    limits = ctx.config.statuses
    if params.expires_in is None:
        raise Invalid("Validation failed: Poll expires at can't be blank")
    if params.expires_in < limits.min_poll_duration_s:
        raise Invalid("Validation failed: Poll expires at is too soon")
    if params.expires_in > limits.max_poll_duration_s:
        raise Invalid("Validation failed: Poll expires at is too far into the future")
    return ctx.clock.now() + timedelta(seconds=params.expires_in)

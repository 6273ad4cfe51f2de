"""Announcements: what the admin tells everybody here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fedserver.context import Context
from fedserver.errors import NotFound, Refused
from fedserver.services import text_out
from fedserver.services.sources import html_of_source
from fedserver.services.text_in import clean_html
from fedserver.services.text_out import MentionTarget
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.announcements import (
    DELETE_ANNOUNCEMENT,
    INSERT_ANNOUNCEMENT,
    LISTED_ANNOUNCEMENTS,
    PUBLISH_ANNOUNCEMENT,
    TELL_OF_ANNOUNCEMENT,
    ListedAnnouncementRow,
)
from storage.profiles import ACCOUNTS_BY_HANDLES

MAX_CHARS = 10_000
_Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class NewAnnouncement:
    """What is to be announced. Plain text has mentions, hashtags and links as a post has them;
    `markdown` is rendered. Something with a time has a beginning and an end."""

    text: str
    markdown: bool = False
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    all_day: bool = False
    draft: bool = False


async def announce(ctx: Context, new: NewAnnouncement) -> int:
    """Store an announcement, and tell everybody unless it is a draft; give its number.

    Raises Refused for no text or too much, and for times that do not fit.
    """
    _check(new)
    found = text_out.scan("" if new.markdown else new.text)
    known = await _mentioned(ctx, [(one.username, one.domain) for one in found.mentions])
    announcement_id, now = ctx.ids.new(), ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.execute(
            INSERT_ANNOUNCEMENT,
            announcement_id,
            new.text,
            _html(ctx, new, known),
            [row.id for row in known.values()],
            [name.lower() for name in found.hashtags],
            list(found.links),
            new.starts_at,
            new.ends_at,
            new.all_day and new.starts_at is not None,
            None if new.draft else now,
            now,
        )
        if not new.draft:
            await tx.execute(TELL_OF_ANNOUNCEMENT, "announcement", announcement_id, None)
    return announcement_id


def _check(new: NewAnnouncement) -> None:
    if not new.text.strip():
        raise Refused("an announcement needs a text")
    if len(new.text) > MAX_CHARS:
        raise Refused(f"an announcement has {MAX_CHARS} characters at most")
    if (new.starts_at is None) != (new.ends_at is None):
        raise Refused("give both a beginning and an end, or neither")
    if new.starts_at is not None and new.ends_at is not None and new.ends_at < new.starts_at:
        raise Refused("it ends before it begins")


async def _mentioned(
    ctx: Context, names: Sequence[tuple[str, str | None]]
) -> dict[_Key, AccountRow]:
    """Give the accounts that are known here, by the names as they stand in the text."""
    ours = ctx.config.instance.domain.lower()
    keys: dict[_Key, _Key] = {}
    for username, domain in names:
        written = (username.lower(), domain.lower() if domain else None)
        keys[written] = (written[0], None if written[1] == ours else written[1])
    if not keys:
        return {}
    usernames, domains = zip(*keys.values(), strict=True)
    rows = await ctx.db.fetch(ACCOUNTS_BY_HANDLES, usernames, domains)
    known = {(row.username.lower(), row.domain): row for row in rows}
    return {written: known[key] for written, key in keys.items() if key in known}


def _html(ctx: Context, new: NewAnnouncement, known: dict[_Key, AccountRow]) -> str:
    if new.markdown:
        return clean_html(html_of_source(new.text, "text/markdown"))
    uris = Uris(ctx.config.base_url)
    targets = {
        key: MentionTarget(
            row.url, row.username, f"{row.username}@{row.domain}" if row.domain else row.username
        )
        for key, row in known.items()
    }
    return text_out.render(
        new.text,
        mentions=targets,
        hashtag_url=lambda name: uris.tag(name.lower()),
        local_domain=ctx.config.instance.domain,
    )


async def publish(ctx: Context, announcement_id: int) -> None:
    """Tell everybody what was a draft. Raises NotFound where there is no such draft."""
    async with ctx.db.transaction() as tx:
        if not await tx.execute(PUBLISH_ANNOUNCEMENT, announcement_id, ctx.clock.now()):
            raise NotFound(f"no draft has the number {announcement_id}")
        await tx.execute(TELL_OF_ANNOUNCEMENT, "announcement", announcement_id, None)


async def withdraw(ctx: Context, announcement_id: int) -> None:
    """Delete an announcement. Raises NotFound where there is none."""
    async with ctx.db.transaction() as tx:
        published = await tx.value(DELETE_ANNOUNCEMENT, announcement_id)
        if published is None:
            raise NotFound(f"no announcement has the number {announcement_id}")
        if published:
            await tx.execute(TELL_OF_ANNOUNCEMENT, "announcement.delete", announcement_id, None)


async def list_announcements(ctx: Context) -> list[ListedAnnouncementRow]:
    """Give all announcements and drafts, the newest first."""
    return await ctx.db.fetch(LISTED_ANNOUNCEMENTS)

"""Making the trends, and what moderators say of them."""

from datetime import timedelta
from typing import Final

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from storage.accounts import LOCAL_ACCOUNT_BY_NAME
from storage.tags import TAG_ID
from storage.trends import (
    CLAIM_TRENDS,
    COUNT_LINKS,
    COUNT_STATUSES,
    COUNT_TAGS,
    LINK_ID,
    PEER_ACCOUNT_ID,
    PUT_REVIEW,
    STATUS_ID,
    TRENDS_TO_REVIEW,
    ReviewRow,
)

EVERY: Final = timedelta(minutes=5)
KINDS: Final = ("tag", "status", "link", "account")
_DAY: Final = timedelta(days=1)
_TAG_DAYS: Final = timedelta(days=7)
_STATUS_DAYS: Final = timedelta(days=2)


async def make_trends(ctx: Context) -> bool:
    """Count what is talked about, unless another process did so in the last minutes."""
    now, rules = ctx.clock.now(), ctx.config.trends
    if not await ctx.db.value(CLAIM_TRENDS, now, now + EVERY):
        return False
    day, week = ctx.ids.at(now - _DAY), ctx.ids.at(now - _TAG_DAYS)
    await ctx.db.execute(COUNT_TAGS, day, week, rules.min_people)
    await ctx.db.execute(COUNT_LINKS, day, week, rules.min_people)
    await ctx.db.execute(COUNT_STATUSES, ctx.ids.at(now - _STATUS_DAYS), now, rules.min_people)
    return True


async def list_trends(ctx: Context, kind: str | None) -> list[ReviewRow]:
    """Give what trends, with what was said of it."""
    return await ctx.db.fetch(TRENDS_TO_REVIEW, kind)


async def review(ctx: Context, kind: str, name: str, *, allowed: bool) -> None:
    """Say whether something may trend: a hashtag by name, a post by id, a page by address, an
    account by handle. Raises NotFound, Invalid."""
    if kind not in KINDS:
        raise Invalid(f"There are no trends of {kind}; there are {', '.join(KINDS)}")
    subject_id = await _subject(ctx, kind, name.strip())
    await ctx.db.execute(PUT_REVIEW, kind, subject_id, allowed, ctx.clock.now())


async def _subject(ctx: Context, kind: str, name: str) -> int:
    found: int | None = None
    if kind == "tag":
        found = await ctx.db.value(TAG_ID, name.removeprefix("#").lower())
    elif kind == "status" and name.isdecimal():
        found = await ctx.db.value(STATUS_ID, int(name))
    elif kind == "link":
        found = await ctx.db.value(LINK_ID, name)
    elif kind == "account":
        found = await _account(ctx, name)
    if found is None:
        raise NotFound(f"There is no {kind} {name} here")
    return found


async def _account(ctx: Context, name: str) -> int | None:
    username, _, domain = name.removeprefix("@").partition("@")
    if domain and domain != ctx.config.instance.domain:
        return await ctx.db.value(PEER_ACCOUNT_ID, username, domain)
    row = await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, username)
    return None if row is None else row.id

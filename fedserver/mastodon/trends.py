"""What is talked about (Mastodon API: trends)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.mastodon.timelines import status_page, viewer_of
from fedserver.routing import (
    Caller,
    OffsetPage,
    OffsetParams,
    Page,
    PageParams,
    endpoint,
)
from storage.paging import fetch_page
from storage.profiles import READING_LANGUAGES
from storage.trends import (
    LINK_MAY_TREND,
    LINK_TIMELINE,
    TRENDING_LINKS,
    TRENDING_STATUSES,
    TRENDING_TAGS,
)

_TAGS, _TAGS_MOST = 10, 20
_STATUSES, _STATUSES_MOST = 20, 40


@endpoint("GET", "/api/v1/trends/tags")
@endpoint("GET", "/api/v1/trends")
async def trending_tags(ctx: Context, caller: Caller | None, params: OffsetParams) -> OffsetPage:
    """Show the hashtags that more people use than usually.

    Mastodon API: trends#tags. Needs no scope; who is signed in learns which they follow.
    """
    limit, offset = params.window(default=_TAGS, most=_TAGS_MOST)
    ids = await ctx.db.values(TRENDING_TAGS, limit, offset, _shows_unreviewed(ctx))
    return OffsetPage(await entities.tags(ctx, ids, viewer_of(caller)), limit, offset)


@endpoint("GET", "/api/v1/trends/statuses")
async def trending_statuses(
    ctx: Context, caller: Caller | None, params: OffsetParams
) -> OffsetPage:
    """Show the posts that are favourited and boosted most, those in the caller's language first.

    Mastodon API: trends#statuses.
    """
    limit, offset = params.window(default=_STATUSES, most=_STATUSES_MOST)
    viewer = viewer_of(caller)
    languages: list[str] | None = None
    if viewer is not None:
        languages = await ctx.db.value(READING_LANGUAGES, viewer)
    heads = await ctx.db.fetch(
        TRENDING_STATUSES, limit, offset, _shows_unreviewed(ctx), viewer, languages
    )
    return OffsetPage(await entities.statuses_of(ctx, heads, viewer), limit, offset)


@endpoint("GET", "/api/v1/trends/links")
async def trending_links(ctx: Context, params: OffsetParams) -> OffsetPage:
    """Show the pages that more people link to than usually, as cards with a week of history.

    Mastodon API: trends#links.
    """
    limit, offset = params.window(default=_TAGS, most=_TAGS_MOST)
    first = ctx.ids.at(ctx.clock.now() - entities.HISTORY)
    rows = await ctx.db.fetch(TRENDING_LINKS, limit, offset, _shows_unreviewed(ctx), first)
    return OffsetPage(await entities.trending_links(ctx, rows), limit, offset)


class LinkParams(PageParams, frozen=True, kw_only=True):
    """Which page's posts."""

    url: str = ""


@endpoint("GET", "/api/v1/timelines/link", scope="read:statuses")
async def link_timeline(ctx: Context, caller: Caller | None, params: LinkParams) -> Page:
    """Show public posts with a link that trends, of authors who want to be found. 404 for a link
    that does not trend.

    Mastodon API: timelines#link.
    """
    card_id = await ctx.db.value(LINK_MAY_TREND, params.url, _shows_unreviewed(ctx))
    if card_id is None:
        raise NotFound("Record not found")
    cursor, viewer = params.cursor(), viewer_of(caller)
    rows = await fetch_page(ctx.db, LINK_TIMELINE, cursor, viewer, card_id)
    return await status_page(ctx, rows, cursor, viewer)


def _shows_unreviewed(ctx: Context) -> bool:
    return ctx.config.trends.review == "after"

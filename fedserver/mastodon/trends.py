"""What is talked about (Mastodon API: trends)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import Caller, OffsetPage, OffsetParams, endpoint
from storage.profiles import READING_LANGUAGES
from storage.trends import TRENDING_STATUSES, TRENDING_TAGS

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


def _shows_unreviewed(ctx: Context) -> bool:
    return ctx.config.trends.review == "after"

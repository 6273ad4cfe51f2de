"""Custom emoji (Mastodon API: custom_emojis)."""

from fedserver.context import Context
from fedserver.entities import custom_emoji
from fedserver.routing import JSON, endpoint
from storage.emojis import LOCAL_EMOJIS


@endpoint("GET", "/api/v1/custom_emojis")
async def custom_emojis(ctx: Context) -> JSON:
    """Show the emoji that can be used here.

    Mastodon API: custom_emojis#get.
    """
    uris = ctx.uris
    return [custom_emoji(uris, row) for row in await ctx.db.fetch(LOCAL_EMOJIS)]

"""The page of a person of this instance, for anybody."""

from typing import Any, Final

import orjson
from aiohttp import web

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Media, PageParams, endpoint
from fedserver.services.text_in import html_to_text
from fedserver.web.rendering import public_page, render
from storage.accounts import LOCAL_ACCOUNT_BY_NAME, AccountRow
from storage.paging import edges, fetch_page
from storage.timelines import ACCOUNT_STATUSES

_PER_PAGE: Final = 20
_MAX_SUMMARY_CHARS: Final = 300


@endpoint("GET", "/@{username}", media=Media.PAGE)
@endpoint("GET", "/users/{username}", media=Media.PAGE)
async def show_profile(ctx: Context, username: str, params: PageParams) -> web.Response:
    """Show a profile with its last public posts; 404 for who is not a person of this instance."""
    row = await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, username)
    if row is None or row.gone or row.actor_type == "Application":
        raise NotFound("There is nobody of that name here")
    posts, older = await _posts(ctx, row, params)
    account = await _account(ctx, row)
    body = render(
        ctx,
        "profile.html",
        account=account,
        posts=posts,
        older=older,
        summary=html_to_text(account["note"])[:_MAX_SUMMARY_CHARS],
    )
    return public_page(ctx, body)


async def _account(ctx: Context, row: AccountRow) -> dict[str, Any]:
    account: dict[str, Any] = orjson.loads(orjson.dumps(await entities.account(ctx, row.id)))
    return account


async def _posts(
    ctx: Context, row: AccountRow, params: PageParams
) -> tuple[list[dict[str, Any]], int | None]:
    """Give posts that are neither boosts nor answers to others, and the id that leads on."""
    cursor = params.cursor(default=_PER_PAGE)
    heads = await fetch_page(
        ctx.db, ACCOUNT_STATUSES, cursor, None, row.id, False, True, True, None
    )
    posts = orjson.loads(orjson.dumps(await entities.statuses_of(ctx, heads, None)))
    return posts, edges(heads, cursor, lambda head: head.cursor).next_max_id

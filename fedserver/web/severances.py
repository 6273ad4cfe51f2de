"""The page of what somebody lost by blocks and suspensions, with lists to keep (as Mastodon's
/severed_relationships)."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Media, endpoint
from fedserver.services.severing import events_of, lost_follows
from fedserver.web.rendering import private_page
from fedserver.web.sessions import current_session
from fedserver.web.sign_in import sign_in_first
from storage.severances import SeveredFollowRow


@endpoint("GET", "/severed_relationships", media=Media.PAGE)
async def severances(ctx: Context, request: web.Request) -> web.Response:
    """Show what ended somebody's follows and followers, and how many."""
    session = await current_session(ctx, request)
    if session is None:
        return sign_in_first(str(request.rel_url))
    events = await events_of(ctx, session.account_id)
    return private_page(ctx, "severances.html", events=events)


@endpoint("GET", "/severed_relationships/{id}/following.csv", media=Media.PAGE)
async def following(ctx: Context, request: web.Request, id: int) -> web.Response:
    """Give whom somebody followed, in the form that can be imported."""
    found = await _lost(ctx, request, id)
    if found is None:
        return sign_in_first("/severed_relationships")
    head = ("Account address", "Show boosts", "Notify on new posts", "Languages")
    lines = (
        (one.acct, _yes(one.show_reblogs), _yes(one.notify), ", ".join(one.languages or ()))
        for one in found
        if one.outward
    )
    return _table("following.csv", head, lines)


@endpoint("GET", "/severed_relationships/{id}/followers.csv", media=Media.PAGE)
async def followers(ctx: Context, request: web.Request, id: int) -> web.Response:
    """Give who followed somebody."""
    found = await _lost(ctx, request, id)
    if found is None:
        return sign_in_first("/severed_relationships")
    lines = ((one.acct,) for one in found if not one.outward)
    return _table("followers.csv", ("Account address",), lines)


async def _lost(ctx: Context, request: web.Request, id: int) -> list[SeveredFollowRow] | None:
    """Give what an event took; None for who is not signed in. Raises NotFound for no event of
    theirs."""
    session = await current_session(ctx, request)
    if session is None:
        return None
    found = await lost_follows(ctx, session.account_id, id)
    if not found:
        raise NotFound("There is nothing at that address")
    return found


def _yes(chosen: bool) -> str:
    return "true" if chosen else "false"


def _table(name: str, head: Sequence[str], lines: Iterable[Sequence[str]]) -> web.Response:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return web.Response(
        text=text.getvalue(),
        content_type="text/csv",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )

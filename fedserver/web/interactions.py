"""The page on which people here meet what lies elsewhere: other servers lead to it with the id of
an actor or post, and perhaps with what is to be done (FEP-3b86, and OStatus subscribe)."""

from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from activitypub.errors import ProtocolError
from activitypub.webfinger import parse_handle
from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import Act, Announce, Follow, Like
from fedserver.errors import FedserverError, Forbidden, NotFound, RateLimited, Refused
from fedserver.rate_limits import INTERACTIONS
from fedserver.routing import Media, Params, endpoint
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import private_page, redirect
from fedserver.web.sessions import current_session
from fedserver.web.sign_in import sign_in_first
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.statuses import VISIBLE_STATUS, StatusRow

_MAX_URI_CHARS: Final = 2_048
_OF_ACTORS: Final = ("follow",)
_OF_POSTS: Final = ("like", "announce")
_DONE: Final = {"follow": "You asked to follow", "like": "You like", "announce": "You boosted"}


class InteractionParams(Params, frozen=True, kw_only=True):
    """`uri`: the id or address of an actor or post; `intent`: what is to be done with it."""

    uri: str = ""
    intent: str = ""
    form_token: str = ""


@dataclass(frozen=True, slots=True)
class _Meeting:
    """Somebody here, and what they meet."""

    actor: AccountRow
    met: AccountRow | StatusRow

    @property
    def intents(self) -> tuple[str, ...]:
        if isinstance(self.met, AccountRow):
            return _OF_ACTORS
        boostable = self.met.visibility in ("public", "unlisted")
        return _OF_POSTS if boostable else ("like",)


@endpoint("GET", "/authorize_interaction", media=Media.PAGE)
async def ask(ctx: Context, request: web.Request, params: InteractionParams) -> web.Response:
    """Show what an id leads to, and ask what to do with it. Nothing is done by a link alone."""
    session = await current_session(ctx, request)
    if session is None:
        return sign_in_first(str(request.rel_url))
    meeting = await _meet(ctx, session.account_id, params.uri)
    wanted = [one for one in meeting.intents if one == params.intent.lower()]
    return form_page(
        ctx,
        request,
        "interaction.html",
        session=session,
        uri=params.uri,
        intents=wanted or meeting.intents,
        **await _shown(ctx, meeting),
    )


@endpoint("GET", "/.well-known/proxy", media=Media.PAGE)
async def from_another_site(ctx: Context, request: web.Request) -> web.Response:
    """Go on to the page where one acts upon what the query names (Mastodon: routes.rb)."""
    response = redirect(f"/authorize_interaction?{request.rel_url.raw_query_string}")
    response.set_status(301)
    return response


@endpoint("POST", "/authorize_interaction", media=Media.PAGE)
async def answer(ctx: Context, request: web.Request, params: InteractionParams) -> web.Response:
    """Do what the person chose."""
    check_form(ctx, request, params.form_token)
    session = await current_session(ctx, request)
    if session is None:
        return redirect("/auth/sign_in")
    meeting = await _meet(ctx, session.account_id, params.uri)
    if params.intent not in meeting.intents:
        raise NotFound("That cannot be done with it")
    try:
        await effects.perform(ctx, await _act(ctx, meeting, params.intent))
    except Refused as refused:
        raise Forbidden("This action is not allowed") from refused
    shown = await _shown(ctx, meeting)
    name = (shown["account"] or shown["post"]["account"])["acct"]
    text = f"{_DONE[params.intent]} @{name}" if shown["account"] else f"{_DONE[params.intent]} it."
    return private_page(ctx, "message.html", title="Done", text=text)


async def _meet(ctx: Context, account_id: int, uri: str) -> _Meeting:
    """Give who meets what. Raises NotFound for what is nothing that they can see."""
    _count(ctx, account_id)
    actor = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if actor is None or not 0 < len(uri) <= _MAX_URI_CHARS:
        raise NotFound("There is nothing at that address")
    try:
        met = await _found(ctx, uri.strip())
    except (FedserverError, ProtocolError) as error:
        raise NotFound("There is nothing at that address") from error
    if isinstance(met, StatusRow):
        met = await ctx.db.one(VISIBLE_STATUS, met.reblog_of_id or met.id, actor.id)
    if met is None or (isinstance(met, AccountRow) and met.gone):
        raise NotFound("There is nothing at that address")
    return _Meeting(actor, met)


def _count(ctx: Context, account_id: int) -> None:
    """Every look may cost a fetch from anywhere."""
    verdict = ctx.rate_limiter.check(INTERACTIONS, str(account_id))
    if not verdict.allowed:
        retry_after_s = (verdict.reset_at - ctx.clock.now()).total_seconds()
        raise RateLimited("Please wait a while.", retry_after_s=retry_after_s)


async def _found(ctx: Context, uri: str) -> AccountRow | StatusRow | None:
    budget = Budget(ctx.config.federation.fetch_budget)
    if uri.startswith(("https://", "http://")):
        return await effects.find_by_url(ctx, uri, budget)
    return await resolve.account_by_handle(ctx, parse_handle(uri), budget)


async def _act(ctx: Context, meeting: _Meeting, intent: str) -> Act:
    actor, met, uris = meeting.actor, meeting.met, Uris(ctx.config.base_url)
    if isinstance(met, AccountRow):
        return Follow(actor=actor, uri=uris.activity(ctx.ids.new()), target=met)
    author = await ctx.db.one(ACCOUNT_BY_ID, met.account_id)
    if author is None:
        raise NotFound("There is nothing at that address")
    if intent == "like":
        uri = uris.activity(ctx.ids.new())
        return Like(actor=actor, uri=uri, status=met, author=author)
    boost_id = ctx.ids.new()
    return Announce(
        actor=actor,
        uri=uris.status_activity(actor.username, boost_id),
        id=boost_id,
        status=met,
        author=author,
        visibility="public",
        created_at=ctx.clock.now(),
    )


async def _shown(ctx: Context, meeting: _Meeting) -> dict[str, Any]:
    """Give the account, or the post, as the API shows it to the person."""
    met = meeting.met
    if isinstance(met, AccountRow):
        return {"account": _plain(await entities.account(ctx, met.id)), "post": None}
    return {"account": None, "post": _plain(await entities.status(ctx, met.id, meeting.actor.id))}


def _plain(entity: Any) -> Any:
    return orjson.loads(orjson.dumps(entity))

"""More of what the instance says of itself: activity, languages, texts, other servers by name
(Mastodon API: instance, peers)."""

from datetime import timedelta
from typing import Any

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Params, endpoint
from fedserver.services.house_texts import PRIVACY, TERMS, HouseText, house_text
from storage.instance_reads import ACTIVITY, PEERS_NAMED

_WEEKS = timedelta(weeks=12)
_MOST_PEERS = 10


class NameParams(Params, frozen=True, kw_only=True):
    """The beginning of a domain."""

    q: str = ""


@endpoint("GET", "/api/v1/instance/activity")
async def activity(ctx: Context) -> JSON:
    """Show posts, people and sign-ups of the last twelve weeks (Mastodon API: instance#activity).
    All numbers are text there."""
    now = ctx.clock.now()
    rows = await ctx.db.fetch(ACTIVITY, now, ctx.ids.at(now - _WEEKS))
    return [
        {
            "week": str(int(row.week.timestamp())),
            "statuses": str(row.statuses),
            "logins": str(row.logins),
            "registrations": str(row.registrations),
        }
        for row in rows
    ]


@endpoint("GET", "/api/v1/instance/languages")
async def languages(ctx: Context) -> JSON:
    """List the languages that are spoken here (not documented by Mastodon)."""
    return [{"code": code, "name": code} for code in ctx.config.instance.languages]


@endpoint("GET", "/api/v1/peers/search")
async def peers_named(ctx: Context, params: NameParams) -> JSON:
    """List other servers whose domain begins so (Mastodon API: peers#search, not documented)."""
    prefix = params.q.strip().lower()
    return await ctx.db.values(PEERS_NAMED, prefix, _MOST_PEERS) if prefix else []


@endpoint("GET", "/api/v1/instance/privacy_policy")
async def privacy_policy(ctx: Context) -> JSON:
    """Show the privacy policy (Mastodon API: instance#privacy_policy)."""
    text = await house_text(ctx, PRIVACY)
    return {"updated_at": text.changed_at.isoformat(), "content": text.html}


@endpoint("GET", "/api/v1/instance/terms_of_service")
async def terms_of_service(ctx: Context) -> JSON:
    """Show the terms of service (Mastodon API: instance#terms_of_service). 404 without any."""
    return _terms(await house_text(ctx, TERMS))


@endpoint("GET", "/api/v1/instance/terms_of_service/{date}")
async def terms_of_service_of(ctx: Context, date: str) -> JSON:
    """Show the terms that took effect at `date`, "2026-11-23" (Mastodon API:
    instance#terms_of_service_date). Only the present ones are kept: 404 for others."""
    text = await house_text(ctx, TERMS)
    if text.changed_at.date().isoformat() != date:
        raise NotFound("Record not found")
    return _terms(text)


def _terms(text: HouseText) -> dict[str, Any]:
    return {
        "effective_date": text.changed_at.date().isoformat(),
        "effective": True,
        "content": text.html,
        "succeeded_by": None,
    }

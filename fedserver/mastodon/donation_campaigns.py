"""Campaigns for donations, which a server that the admin names knows of."""

import re
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

import msgspec
import orjson
from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Unreachable
from fedserver.mastodon.composing import posting_defaults
from fedserver.mastodon.subjects import acting_account
from fedserver.outgoing import Limits
from fedserver.routing import Caller, Params, endpoint

_KEPT_S: Final = 3_600
_NONE_KEPT_S: Final = 60
_LIMITS: Final = Limits(total_s=5.0, max_bytes=256 * 1024)
_SEEDS: Final = 100
_NONE: Final = b"{}"
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", re.ASCII)


class CampaignParams(Params, frozen=True, kw_only=True):
    """In which language; without it, in the person's own."""

    lang: str = ""


@endpoint("GET", "/api/v1/donation_campaigns")
async def show_campaign(ctx: Context, caller: Caller, params: CampaignParams) -> web.Response:
    """Show the campaign for somebody like the caller, as its server describes it; 204 where there
    is none, where that server does not answer, and where nobody named one.

    Mastodon API: undocumented (Api::V1::DonationCampaignsController).
    """
    if not ctx.config.donations.campaigns_url:
        return web.Response(status=204)
    campaign = await _campaign(ctx, _seed(caller.account_id), await _locale(ctx, caller, params))
    if campaign == _NONE:
        return web.Response(status=204)
    return web.Response(body=campaign, content_type="application/json", charset="utf-8")


def _seed(account_id: int) -> int:
    """Give one of a hundred groups of people, so that a campaign may be shown to some of them; all
    that its server learns of who asks."""
    return int.from_bytes(sha256(str(account_id).encode()).digest()[:4]) % _SEEDS


async def _locale(ctx: Context, caller: Caller, params: CampaignParams) -> str:
    if _LOCALE.fullmatch(params.lang):
        return params.lang
    return (await posting_defaults(ctx, await acting_account(ctx, caller))).locale or "en"


async def _campaign(ctx: Context, seed: int, locale: str) -> bytes:
    """Give the campaign as JSON, kept for an hour; that there is none, for a minute."""
    now = int(ctx.clock.now().timestamp())
    key = ("donation campaign", seed, locale, now // _KEPT_S)
    none_key = ("no donation campaign", seed, locale, now // _NONE_KEPT_S)
    kept = ctx.entity_cache.get(key) or ctx.entity_cache.get(none_key)
    if kept is None:
        kept = await _ask(ctx, seed, locale)
        ctx.entity_cache.put(none_key if kept == _NONE else key, kept)
    return kept


async def _ask(ctx: Context, seed: int, locale: str) -> bytes:
    settings = ctx.config.donations
    wanted = {"locale": locale, "platform": "web", "seed": str(seed)}
    if settings.environment:
        wanted["environment"] = settings.environment
    url = f"{settings.campaigns_url}?{urlencode(wanted)}"
    try:
        answer = await ctx.out.request(
            "GET", url, headers={"Accept": "application/json"}, limits=_LIMITS, own_service=True
        )
        found = msgspec.json.decode(answer.body, type=dict) if answer.status == 200 else {}
        return orjson.dumps(found)
    except (Unreachable, msgspec.DecodeError):
        return _NONE

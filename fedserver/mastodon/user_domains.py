"""Domains that a person blocks for themselves (Mastodon API: domain_blocks)."""

from typing import Any

from activitypub.errors import DocumentError
from activitypub.webfinger import normalise_domain
from fedserver.context import Context
from fedserver.effects import BlockDomain, PartFromDomain, Undo
from fedserver.errors import Invalid
from fedserver.mastodon.subjects import acting_account, perform
from fedserver.routing import JSON, Caller, Page, PageParams, Params, endpoint
from storage.paging import edges, fetch_page
from storage.user_domains import FOLLOWS_AT_DOMAIN, USER_DOMAINS, FollowsAtDomainRow

_LISTED = 100
_LISTED_MOST = 200
_NOTHING: dict[str, Any] = {}


class DomainParams(Params, frozen=True, kw_only=True):
    """Which domain."""

    domain: str = ""


@endpoint("GET", "/api/v1/domain_blocks", scope="read:blocks")
async def index(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the domains that the caller blocks (Mastodon API: domain_blocks#get)."""
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    rows = await fetch_page(ctx.db, USER_DOMAINS, cursor, caller.account_id)
    return Page([row.domain for row in rows], edges(rows, cursor, lambda row: row.id))


@endpoint("GET", "/api/v1/domain_blocks/preview", scope="read:blocks")
async def preview(ctx: Context, caller: Caller, params: DomainParams) -> JSON:
    """Say how many follows a block would end (Mastodon: DomainBlockPreview)."""
    domain = _domain(params)
    row = await ctx.db.one(FOLLOWS_AT_DOMAIN, caller.account_id, domain)
    counts = row or FollowsAtDomainRow(0, 0)
    return {
        "following_count": counts.following_count,
        "followers_count": counts.followers_count,
    }


@endpoint("POST", "/api/v1/domain_blocks", scope="write:blocks")
async def block(ctx: Context, caller: Caller, params: DomainParams) -> JSON:
    """Hide everybody at a domain, and end follows either way (Mastodon API: domain_blocks#block).
    Once more changes nothing, but goes on where the first was interrupted."""
    domain, actor = _domain(params), await acting_account(ctx, caller)
    await perform(ctx, BlockDomain(actor=actor, domain=domain))
    while await perform(ctx, PartFromDomain(actor=actor, domain=domain)):
        pass
    return _NOTHING


@endpoint("DELETE", "/api/v1/domain_blocks", scope="write:blocks")
async def unblock(ctx: Context, caller: Caller, params: DomainParams) -> JSON:
    """End the block of a domain; follows do not come back (Mastodon API: domain_blocks#unblock)."""
    domain, actor = _domain(params), await acting_account(ctx, caller)
    await perform(ctx, Undo(actor=actor, undone=BlockDomain(actor=actor, domain=domain)))
    return _NOTHING


def _domain(params: DomainParams) -> str:
    if not params.domain.strip():
        raise Invalid("Validation failed: Domain can't be blank")
    try:
        return normalise_domain(params.domain.strip())
    except DocumentError as error:
        raise Invalid("Validation failed: Domain is not a valid domain name") from error

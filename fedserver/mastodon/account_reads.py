"""Reading accounts (Mastodon API: accounts)."""

import msgspec

from fedserver.context import Context
from fedserver.entities import account, accounts, credential_account, relationships, statuses_of
from fedserver.errors import NotFound
from fedserver.mastodon.timelines import status_page, tag_names, viewer_of
from fedserver.routing import JSON, Caller, Id, Page, PageParams, Params, endpoint
from storage.account_reads import ACCOUNT_ID_BY_HANDLE, OWN_SETTINGS
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.paging import PageEdges, fetch_page
from storage.timelines import ACCOUNT_STATUSES, PINNED_STATUSES

_MAX_MANY = 40
_MAX_RELATIONSHIPS = 100


async def shown_account(ctx: Context, account_id: int) -> AccountRow:
    """Give the account. Raises NotFound where there is none any more."""
    row = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if row is None or row.deleted_at is not None:
        raise NotFound("Record not found")
    return row


class ManyParams(Params, frozen=True, kw_only=True):
    """Which ones."""

    id: list[Id] = msgspec.field(default_factory=list)


@endpoint("GET", "/api/v1/accounts", scope="read:accounts")
async def show_many(ctx: Context, caller: Caller | None, params: ManyParams) -> JSON:
    """Show several accounts; unknown ones are left out.

    Mastodon API: accounts#index.
    """
    return await accounts(ctx, list(dict.fromkeys(params.id))[:_MAX_MANY], viewer_of(caller))


@endpoint("GET", "/api/v1/accounts/{id}", scope="read:accounts")
async def show(ctx: Context, caller: Caller | None, id: int) -> JSON:
    """Show an account.

    Mastodon API: accounts#get.
    """
    return await account(ctx, id, viewer_of(caller))


@endpoint("GET", "/api/v1/accounts/verify_credentials", scope=("read:accounts", "profile"))
async def verify_credentials(ctx: Context, caller: Caller) -> JSON:
    """Show the caller's own account with its settings.

    Mastodon API: accounts#verify_credentials.
    """
    return await credential_account(ctx, caller.account_id)


class LookupParams(Params, frozen=True, kw_only=True):
    """A name as clients show it."""

    acct: str = ""


@endpoint("GET", "/api/v1/accounts/lookup", scope="read:accounts")
async def lookup(ctx: Context, caller: Caller | None, params: LookupParams) -> JSON:
    """Show the account that a name means, without asking anybody else.

    Mastodon API: accounts#lookup.
    """
    username, _, domain = params.acct.strip().lstrip("@").partition("@")
    domain = domain.lower()
    known_domain = None if domain in ("", ctx.config.instance.domain) else domain
    account_id = await ctx.db.value(ACCOUNT_ID_BY_HANDLE, username, known_domain)
    if account_id is None:
        raise NotFound("Record not found")
    return await account(ctx, account_id, viewer_of(caller))


class RelationshipParams(Params, frozen=True, kw_only=True):
    """Which ones."""

    id: list[Id] = msgspec.field(default_factory=list)
    with_suspended: bool = False


@endpoint("GET", "/api/v1/accounts/relationships", scope="read:follows")
async def show_relationships(ctx: Context, caller: Caller, params: RelationshipParams) -> JSON:
    """Show what the caller and other accounts are to each other.

    Mastodon API: accounts#relationships.
    """
    ids = list(dict.fromkeys(params.id))[:_MAX_RELATIONSHIPS]
    return await relationships(ctx, caller.account_id, ids)


class AccountStatusesParams(PageParams, frozen=True, kw_only=True):
    """Which of its posts."""

    pinned: bool = False
    only_media: bool = False
    exclude_replies: bool = False
    exclude_reblogs: bool = False
    tagged: str | None = None


@endpoint("GET", "/api/v1/accounts/{id}/statuses", scope="read:statuses")
async def account_statuses(
    ctx: Context, caller: Caller | None, id: int, params: AccountStatusesParams
) -> Page:
    """Show the posts and boosts of an account.

    Mastodon API: accounts#statuses.
    """
    await shown_account(ctx, id)
    viewer = viewer_of(caller)
    if params.pinned:
        pinned = await ctx.db.fetch(PINNED_STATUSES, id, viewer)
        return Page(await statuses_of(ctx, pinned, viewer), PageEdges(None, None))
    cursor = params.cursor()
    rows = await fetch_page(
        ctx.db,
        ACCOUNT_STATUSES,
        cursor,
        viewer,
        id,
        params.only_media,
        params.exclude_replies,
        params.exclude_reblogs,
        next(iter(tag_names([params.tagged or ""])), None),
    )
    return await status_page(ctx, rows, cursor, viewer)


@endpoint("GET", "/api/v1/preferences", scope="read:accounts")
async def preferences(ctx: Context, caller: Caller) -> JSON:
    """Show how the caller wants to write and read.

    Mastodon API: preferences#get.
    """
    settings = await ctx.db.one(OWN_SETTINGS, caller.account_id)
    if settings is None:
        raise NotFound("Record not found")
    return {
        "posting:default:visibility": settings.default_visibility,
        "posting:default:sensitive": settings.default_sensitive,
        "posting:default:language": settings.default_language,
        "posting:default:quote_policy": settings.default_quote_policy,
        "reading:expand:media": "default",
        "reading:expand:spoilers": False,
        "reading:autoplay:gifs": False,
    }

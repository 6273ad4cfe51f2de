"""Lists of followed accounts, and their timelines (Mastodon API: lists, timelines#list)."""

from typing import Literal

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import target_account
from fedserver.mastodon.timelines import status_page
from fedserver.routing import JSON, Caller, Id, Page, PageParams, Params, endpoint
from storage.lists import (
    ADD_TO_LIST,
    COUNT_LISTS,
    DELETE_LIST,
    INSERT_LIST,
    LIST_ACCOUNTS,
    LIST_TIMELINE,
    LISTABLE,
    LISTS_OF,
    LISTS_WITH,
    OWN_LIST,
    REMOVE_FROM_LIST,
    UPDATE_LIST,
    ListRow,
)
from storage.paging import Cursor, edges, fetch_page

MAX_LISTS = 50
_MAX_TITLE_CHARS = 256
_MAX_ACCOUNTS_AT_ONCE = 500
_LISTED = 40
_LISTED_MOST = 80
_ALL_MEMBERS = 5_000

RepliesPolicy = Literal["followed", "list", "none"]


class ListParams(Params, frozen=True, kw_only=True):
    """What a list is like; what is left out stays as it is."""

    title: str | None = None
    replies_policy: RepliesPolicy | None = None
    exclusive: bool | None = None


class MembersParams(Params, frozen=True, kw_only=True):
    """Which accounts."""

    account_ids: list[Id] = msgspec.field(default_factory=list)


def _entity(row: ListRow) -> JSON:
    return {
        "id": str(row.id),
        "title": row.title,
        "replies_policy": row.replies_policy,
        "exclusive": row.exclusive,
    }


@endpoint("GET", "/api/v1/lists", scope="read:lists")
async def lists(ctx: Context, caller: Caller) -> list[JSON]:
    """Show the caller's lists (Mastodon API: lists#index)."""
    return [_entity(row) for row in await ctx.db.fetch(LISTS_OF, caller.account_id)]


@endpoint("GET", "/api/v1/lists/{list_id}", scope="read:lists")
async def show(ctx: Context, caller: Caller, list_id: int) -> JSON:
    """Show one list (Mastodon API: lists#show)."""
    return _entity(await _own_list(ctx, caller, list_id))


@endpoint("POST", "/api/v1/lists", scope="write:lists")
async def create(ctx: Context, caller: Caller, params: ListParams) -> JSON:
    """Make a list (Mastodon API: lists#create)."""
    title = _title(params.title or "")
    if (await ctx.db.value(COUNT_LISTS, caller.account_id) or 0) >= MAX_LISTS:
        raise Invalid(f"Validation failed: You have reached the maximum of {MAX_LISTS} lists")
    policy = params.replies_policy or "list"
    row = ListRow(ctx.ids.new(), title, policy, bool(params.exclusive))
    await ctx.db.execute(
        INSERT_LIST,
        row.id,
        caller.account_id,
        row.title,
        row.replies_policy,
        row.exclusive,
        ctx.clock.now(),
    )
    return _entity(row)


@endpoint("PUT", "/api/v1/lists/{list_id}", scope="write:lists")
async def update(ctx: Context, caller: Caller, list_id: int, params: ListParams) -> JSON:
    """Change a list (Mastodon API: lists#update)."""
    title = None if params.title is None else _title(params.title)
    row = await ctx.db.one(
        UPDATE_LIST, list_id, caller.account_id, title, params.replies_policy, params.exclusive
    )
    if row is None:
        raise NotFound("Record not found")
    return _entity(row)


@endpoint("DELETE", "/api/v1/lists/{list_id}", scope="write:lists")
async def delete(ctx: Context, caller: Caller, list_id: int) -> JSON:
    """Delete a list; nobody is unfollowed by it (Mastodon API: lists#delete)."""
    if not await ctx.db.execute(DELETE_LIST, list_id, caller.account_id):
        raise NotFound("Record not found")
    return {}


@endpoint("GET", "/api/v1/lists/{list_id}/accounts", scope="read:lists")
async def members(ctx: Context, caller: Caller, list_id: int, params: PageParams) -> Page:
    """Show who is on a list, with `limit` 0 everybody (Mastodon API: lists#accounts)."""
    await _own_list(ctx, caller, list_id)
    cursor = params.cursor(default=_LISTED, most=_LISTED_MOST)
    if params.limit == 0:
        cursor = Cursor(_ALL_MEMBERS)
    rows = await fetch_page(ctx.db, LIST_ACCOUNTS, cursor, list_id)
    accounts = await entities.accounts_of(ctx, rows, caller.account_id)
    return Page(accounts, edges(rows, cursor, lambda row: row.cursor))


@endpoint("POST", "/api/v1/lists/{list_id}/accounts", scope="write:lists")
async def add_members(ctx: Context, caller: Caller, list_id: int, params: MembersParams) -> JSON:
    """Put accounts on a list, which the caller must follow (Mastodon API: lists#accounts-add)."""
    await _own_list(ctx, caller, list_id)
    wanted = _distinct(params)
    if await ctx.db.value(LISTABLE, caller.account_id, wanted) != len(wanted):
        raise NotFound("Record not found")
    ids = [ctx.ids.new() for _ in wanted]
    added = await ctx.db.execute(ADD_TO_LIST, list_id, ids, wanted, caller.account_id)
    if added < len(wanted):
        raise Invalid("Validation failed: Account has already been taken")
    return {}


@endpoint("DELETE", "/api/v1/lists/{list_id}/accounts", scope="write:lists")
async def remove_members(ctx: Context, caller: Caller, list_id: int, params: MembersParams) -> JSON:
    """Take accounts off a list (Mastodon API: lists#accounts-remove)."""
    await _own_list(ctx, caller, list_id)
    await ctx.db.execute(REMOVE_FROM_LIST, list_id, _distinct(params))
    return {}


@endpoint("GET", "/api/v1/accounts/{account_id}/lists", scope="read:lists")
async def lists_with(ctx: Context, caller: Caller, account_id: int) -> list[JSON]:
    """Show on which of the caller's lists somebody is (Mastodon API: accounts#lists)."""
    account = await target_account(ctx, account_id)
    rows = await ctx.db.fetch(LISTS_WITH, caller.account_id, account.id)
    return [_entity(row) for row in rows]


@endpoint("GET", "/api/v1/timelines/list/{list_id}", scope="read:lists")
async def timeline(ctx: Context, caller: Caller, list_id: int, params: PageParams) -> Page:
    """Show the posts of a list's members (Mastodon API: timelines#list)."""
    found = await _own_list(ctx, caller, list_id)
    cursor = params.cursor()
    rows = await fetch_page(
        ctx.db, LIST_TIMELINE, cursor, caller.account_id, found.id, found.replies_policy
    )
    return await status_page(ctx, rows, cursor, caller.account_id)


async def _own_list(ctx: Context, caller: Caller, list_id: int) -> ListRow:
    row = await ctx.db.one(OWN_LIST, list_id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


def _title(given: str) -> str:
    title = given.strip()
    if not title:
        raise Invalid("Validation failed: Title can't be blank")
    if len(title) > _MAX_TITLE_CHARS:
        raise Invalid(
            f"Validation failed: Title is too long (maximum is {_MAX_TITLE_CHARS} characters)"
        )
    return title


def _distinct(params: MembersParams) -> list[int]:
    if len(params.account_ids) > _MAX_ACCOUNTS_AT_ONCE:
        raise Invalid(f"At most {_MAX_ACCOUNTS_AT_ONCE} accounts at once")
    return list(dict.fromkeys(params.account_ids))

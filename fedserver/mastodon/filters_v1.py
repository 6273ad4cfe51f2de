"""Filters as older clients know them: each keyword is a filter (Mastodon API: filters#v1)."""

from typing import Any

from msgspec import UNSET, UnsetType

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.filters import entry_of, expiry
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.services import filters
from fedserver.services.filters import FilterValues, KeywordValues
from storage.filters import FILTER_OF_KEYWORD, FILTERS_OF, FilterRow


class FilterParams(Params, frozen=True, kw_only=True):
    """A phrase and where it counts; what is left out stays as it is."""

    phrase: str | None = None
    context: list[str] | None = None
    irreversible: bool | None = None
    whole_word: bool | None = None
    expires_in: int | UnsetType | None = UNSET


@endpoint("GET", "/api/v1/filters", scope="read:filters")
async def index(ctx: Context, caller: Caller) -> JSON:
    """Show all keywords of the caller's filters (Mastodon API: filters#get-v1)."""
    rows = await ctx.db.fetch(FILTERS_OF, caller.account_id)
    return [entities.filter_v1(row, one) for row in rows for one in row.keywords]


@endpoint("GET", "/api/v1/filters/{keyword_id}", scope="read:filters")
async def show(ctx: Context, caller: Caller, keyword_id: int) -> JSON:
    """Show one keyword (Mastodon API: filters#get-one-v1)."""
    row = await _filter(ctx, caller, keyword_id)
    return entities.filter_v1(row, entry_of(row.keywords, keyword_id))


@endpoint("POST", "/api/v1/filters", scope="write:filters")
async def create(ctx: Context, caller: Caller, params: FilterParams) -> JSON:
    """Make a filter of one keyword (Mastodon API: filters#create-v1)."""
    phrase = params.phrase or ""
    values = FilterValues(
        title=phrase,
        contexts=params.context or (),
        action="hide" if params.irreversible else "warn",
        expires_at=expiry(ctx, params.expires_in, None),
    )
    keyword = KeywordValues(None, phrase, params.whole_word is not False)
    async with filters.changing(ctx, caller.account_id) as tx:
        filter_id = await filters.add_filter(ctx, tx, caller.account_id, values)
        [made] = await filters.put_keywords(ctx, tx, caller.account_id, filter_id, [keyword])
    return await show(ctx, caller, made)


@endpoint("PUT", "/api/v1/filters/{keyword_id}", scope="write:filters")
async def update(ctx: Context, caller: Caller, keyword_id: int, params: FilterParams) -> JSON:
    """Change a keyword and its filter, which must not have others (Mastodon API:
    filters#update-v1)."""
    row = await _filter(ctx, caller, keyword_id)
    before = entry_of(row.keywords, keyword_id)
    after = _changed(ctx, row, params)
    if after != _values(row) and len(row.keywords) > 1:
        raise Invalid(
            "These parameters cannot be changed from this application because they apply to "
            "more than one filter keyword. Use a more recent application or the web interface."
        )
    keyword = KeywordValues(
        keyword_id,
        before["keyword"] if params.phrase is None else params.phrase,
        before["whole_word"] if params.whole_word is None else params.whole_word,
    )
    async with filters.changing(ctx, caller.account_id) as tx:
        await filters.change_filter(tx, row.id, after)
        await filters.put_keywords(ctx, tx, caller.account_id, row.id, [keyword])
    return await show(ctx, caller, keyword_id)


def _values(row: FilterRow) -> FilterValues:
    return FilterValues(row.title, row.contexts, row.action, row.expires_at)


def _changed(ctx: Context, row: FilterRow, params: FilterParams) -> FilterValues:
    action = row.action
    if params.irreversible is not None and params.irreversible != (action == "hide"):
        action = "hide" if params.irreversible else "warn"
    return FilterValues(
        title=row.title if params.phrase is None else params.phrase,
        contexts=row.contexts if params.context is None else params.context,
        action=action,
        expires_at=expiry(ctx, params.expires_in, row.expires_at),
    )


@endpoint("DELETE", "/api/v1/filters/{keyword_id}", scope="write:filters")
async def delete(ctx: Context, caller: Caller, keyword_id: int) -> JSON:
    """Delete a keyword (Mastodon API: filters#delete-v1)."""
    row = await _filter(ctx, caller, keyword_id)
    async with filters.changing(ctx, caller.account_id) as tx:
        await filters.remove_keywords(tx, row.id, [keyword_id])
    return _NOTHING


async def _filter(ctx: Context, caller: Caller, keyword_id: int) -> FilterRow:
    row = await ctx.db.one(FILTER_OF_KEYWORD, keyword_id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


_NOTHING: dict[str, Any] = {}

"""Filters of keywords and statuses (Mastodon API: filters#v2)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import visible_status
from fedserver.routing import JSON, Caller, Id, Params, endpoint
from fedserver.services import filters
from fedserver.services.filters import FilterValues, KeywordValues
from storage.filters import (
    DELETE_FILTER,
    DELETE_FILTER_STATUS,
    FILTER_OF_KEYWORD,
    FILTER_OF_STATUS,
    FILTERS_OF,
    INSERT_FILTER_STATUS,
    OWN_FILTER,
    FilterRow,
)
from storage.query import Query

_NOTHING: dict[str, Any] = {}
_LONGEST_S = 100 * 366 * 86_400


class KeywordAttributes(msgspec.Struct, frozen=True, kw_only=True):
    """`keywords_attributes[]…` of a filter: new ones, and with an `id` those that are there."""

    id: Id | None = None
    keyword: str | None = None
    whole_word: bool | None = None
    destroy: bool = msgspec.field(name="_destroy", default=False)

    @property
    def blank(self) -> bool:
        return self.id is None and not (self.keyword or "").strip()


class FilterParams(Params, frozen=True, kw_only=True):
    """What a filter is like; what is left out stays as it is. A blank `expires_in` is never."""

    title: str | None = None
    context: list[str] | None = None
    filter_action: str | None = None
    expires_in: int | UnsetType | None = UNSET
    keywords_attributes: list[KeywordAttributes] = msgspec.field(default_factory=list)


class KeywordParams(Params, frozen=True, kw_only=True):
    """A keyword; what is left out stays as it is."""

    keyword: str | None = None
    whole_word: bool | None = None


class StatusParams(Params, frozen=True, kw_only=True):
    """Which status."""

    status_id: Id | None = None


def expiry(
    ctx: Context, expires_in: int | UnsetType | None, before: datetime | None
) -> datetime | None:
    """Give when a filter ends that is to last `expires_in` seconds from now."""
    if isinstance(expires_in, UnsetType):
        return before
    if expires_in is None:
        return None
    seconds = max(-_LONGEST_S, min(expires_in, _LONGEST_S))
    return ctx.clock.now() + timedelta(seconds=seconds)


@endpoint("GET", "/api/v2/filters", scope="read:filters")
async def index(ctx: Context, caller: Caller) -> JSON:
    """Show the caller's filters (Mastodon API: filters#get)."""
    rows = await ctx.db.fetch(FILTERS_OF, caller.account_id)
    return [entities.filter_entity(row) for row in rows]


@endpoint("GET", "/api/v2/filters/{filter_id}", scope="read:filters")
async def show(ctx: Context, caller: Caller, filter_id: int) -> JSON:
    """Show one filter (Mastodon API: filters#get-one)."""
    return entities.filter_entity(await _found(ctx, OWN_FILTER, filter_id, caller))


@endpoint("POST", "/api/v2/filters", scope="write:filters")
async def create(ctx: Context, caller: Caller, params: FilterParams) -> JSON:
    """Make a filter, and keywords with it (Mastodon API: filters#create)."""
    values = FilterValues(
        title=params.title or "",
        contexts=params.context or (),
        action=params.filter_action or "warn",
        expires_at=expiry(ctx, params.expires_in, None),
    )
    async with filters.changing(ctx, caller.account_id) as tx:
        filter_id = await filters.add_filter(ctx, tx, caller.account_id, values)
        keywords, _ = _keywords(params.keywords_attributes, ())
        await filters.put_keywords(ctx, tx, caller.account_id, filter_id, keywords)
    return await show(ctx, caller, filter_id)


@endpoint("PUT", "/api/v2/filters/{filter_id}", scope="write:filters")
async def update(ctx: Context, caller: Caller, filter_id: int, params: FilterParams) -> JSON:
    """Change a filter and its keywords (Mastodon API: filters#update)."""
    async with filters.changing(ctx, caller.account_id) as tx:
        row = await tx.one(OWN_FILTER, filter_id, caller.account_id)
        if row is None:
            raise NotFound("Record not found")
        values = FilterValues(
            title=row.title if params.title is None else params.title,
            contexts=row.contexts if params.context is None else params.context,
            action=params.filter_action or row.action,
            expires_at=expiry(ctx, params.expires_in, row.expires_at),
        )
        await filters.change_filter(tx, filter_id, values)
        keywords, gone = _keywords(params.keywords_attributes, row.keywords)
        await filters.remove_keywords(tx, filter_id, gone)
        await filters.put_keywords(ctx, tx, caller.account_id, filter_id, keywords)
    return await show(ctx, caller, filter_id)


def _keywords(
    given: Sequence[KeywordAttributes], present: Sequence[dict[str, Any]]
) -> tuple[list[KeywordValues], list[int]]:
    """Give the keywords to store and the ids of those to delete. Raises NotFound for an id that is
    not among those `present`."""
    by_id = {one["id"]: one for one in present}
    stored: dict[int | str, KeywordValues] = {}
    gone = []
    for number, one in enumerate(given):
        if one.blank:
            continue
        before = None if one.id is None else by_id.get(one.id)
        if one.id is not None and before is None:
            raise NotFound("Record not found")
        if one.destroy:
            gone += [] if one.id is None else [one.id]
        else:
            stored[one.id or f"new {number}"] = _keyword(one, before)
    return list(stored.values()), gone


def _keyword(
    given: KeywordAttributes | KeywordParams, before: dict[str, Any] | None
) -> KeywordValues:
    if before is None:
        whole_word = True if given.whole_word is None else given.whole_word
        return KeywordValues(None, given.keyword or "", whole_word)
    return KeywordValues(
        before["id"],
        before["keyword"] if given.keyword is None else given.keyword,
        before["whole_word"] if given.whole_word is None else given.whole_word,
    )


@endpoint("DELETE", "/api/v2/filters/{filter_id}", scope="write:filters")
async def delete(ctx: Context, caller: Caller, filter_id: int) -> JSON:
    """Delete a filter (Mastodon API: filters#delete)."""
    async with filters.changing(ctx, caller.account_id) as tx:
        if not await tx.execute(DELETE_FILTER, filter_id, caller.account_id):
            raise NotFound("Record not found")
    return _NOTHING


@endpoint("GET", "/api/v2/filters/{filter_id}/keywords", scope="read:filters")
async def keywords(ctx: Context, caller: Caller, filter_id: int) -> JSON:
    """Show the keywords of a filter (Mastodon API: filters#keywords-get)."""
    row = await _found(ctx, OWN_FILTER, filter_id, caller)
    return [entities.filter_keyword(one) for one in row.keywords]


@endpoint("POST", "/api/v2/filters/{filter_id}/keywords", scope="write:filters")
async def add_keyword(ctx: Context, caller: Caller, filter_id: int, params: KeywordParams) -> JSON:
    """Add a keyword (Mastodon API: filters#keywords-create)."""
    await _found(ctx, OWN_FILTER, filter_id, caller)
    values = _keyword(params, None)
    async with filters.changing(ctx, caller.account_id) as tx:
        [made] = await filters.put_keywords(ctx, tx, caller.account_id, filter_id, [values])
    return await show_keyword(ctx, caller, made)


@endpoint("GET", "/api/v2/filters/keywords/{keyword_id}", scope="read:filters")
async def show_keyword(ctx: Context, caller: Caller, keyword_id: int) -> JSON:
    """Show one keyword (Mastodon API: filters#keywords-get-one)."""
    row = await _found(ctx, FILTER_OF_KEYWORD, keyword_id, caller)
    return entities.filter_keyword(entry_of(row.keywords, keyword_id))


@endpoint("PUT", "/api/v2/filters/keywords/{keyword_id}", scope="write:filters")
async def update_keyword(
    ctx: Context, caller: Caller, keyword_id: int, params: KeywordParams
) -> JSON:
    """Change a keyword (Mastodon API: filters#keywords-update)."""
    row = await _found(ctx, FILTER_OF_KEYWORD, keyword_id, caller)
    values = _keyword(params, entry_of(row.keywords, keyword_id))
    async with filters.changing(ctx, caller.account_id) as tx:
        await filters.put_keywords(ctx, tx, caller.account_id, row.id, [values])
    return await show_keyword(ctx, caller, keyword_id)


@endpoint("DELETE", "/api/v2/filters/keywords/{keyword_id}", scope="write:filters")
async def delete_keyword(ctx: Context, caller: Caller, keyword_id: int) -> JSON:
    """Take a keyword from its filter (Mastodon API: filters#keywords-delete)."""
    row = await _found(ctx, FILTER_OF_KEYWORD, keyword_id, caller)
    async with filters.changing(ctx, caller.account_id) as tx:
        await filters.remove_keywords(tx, row.id, [keyword_id])
    return _NOTHING


@endpoint("GET", "/api/v2/filters/{filter_id}/statuses", scope="read:filters")
async def statuses(ctx: Context, caller: Caller, filter_id: int) -> JSON:
    """Show the statuses of a filter (Mastodon API: filters#statuses-get)."""
    row = await _found(ctx, OWN_FILTER, filter_id, caller)
    return [entities.filter_status(one) for one in row.statuses]


@endpoint("POST", "/api/v2/filters/{filter_id}/statuses", scope="write:filters")
async def add_status(ctx: Context, caller: Caller, filter_id: int, params: StatusParams) -> JSON:
    """Filter one status (Mastodon API: filters#statuses-add)."""
    await _found(ctx, OWN_FILTER, filter_id, caller)
    if params.status_id is None:
        raise Invalid("Validation failed: Status must exist")
    status = await visible_status(ctx, params.status_id, caller.account_id)
    made = ctx.ids.new()
    async with filters.changing(ctx, caller.account_id) as tx:
        if not await tx.execute(INSERT_FILTER_STATUS, made, filter_id, status.id):
            raise Invalid("Validation failed: Status has already been taken")
    return await show_status(ctx, caller, made)


@endpoint("GET", "/api/v2/filters/statuses/{id}", scope="read:filters")
async def show_status(ctx: Context, caller: Caller, id: int) -> JSON:
    """Show one status of a filter (Mastodon API: filters#statuses-get-one)."""
    row = await _found(ctx, FILTER_OF_STATUS, id, caller)
    return entities.filter_status(entry_of(row.statuses, id))


@endpoint("DELETE", "/api/v2/filters/statuses/{id}", scope="write:filters")
async def delete_status(ctx: Context, caller: Caller, id: int) -> JSON:
    """Take a status from its filter (Mastodon API: filters#statuses-remove)."""
    await _found(ctx, FILTER_OF_STATUS, id, caller)
    async with filters.changing(ctx, caller.account_id) as tx:
        await tx.execute(DELETE_FILTER_STATUS, id)
    return _NOTHING


async def _found(ctx: Context, query: Query[FilterRow], id: int, caller: Caller) -> FilterRow:
    row = await ctx.db.one(query, id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


def entry_of(entries: Sequence[dict[str, Any]], id: int) -> dict[str, Any]:
    """Give the keyword or status of a filter with an id. Raises NotFound if it has just gone."""
    for one in entries:
        if one["id"] == id:
            return one
    raise NotFound("Record not found")

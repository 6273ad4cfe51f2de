"""Changing people's filters. Every process, and every stream of theirs, hears of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.events import FILTERS, NOTIFY
from storage.database import Transaction
from storage.filters import (
    COUNT_FILTERS,
    COUNT_KEYWORDS,
    DELETE_KEYWORDS,
    INSERT_FILTER,
    LOCK_FILTERS,
    PUT_KEYWORDS,
    UPDATE_FILTER,
)

CONTEXTS = ("home", "notifications", "public", "thread", "account")
ACTIONS = ("warn", "hide", "blur")
# All of a person's keywords are looked for in everything they read.
MAX_FILTERS, MAX_KEYWORDS = 500, 1_000
_MAX_TITLE_CHARS, _MAX_KEYWORD_CHARS = 256, 512


@dataclass(frozen=True, slots=True)
class FilterValues:
    """What a filter is to be."""

    title: str
    contexts: Sequence[str]
    action: str
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeywordValues:
    """What a keyword is to be; `id` None for a new one."""

    id: int | None
    keyword: str
    whole_word: bool


@asynccontextmanager
async def changing(ctx: Context, account_id: int) -> AsyncIterator[Transaction]:
    """Change the filters of `account_id` inside; one request after the other."""
    async with ctx.db.transaction() as tx:
        await tx.value(LOCK_FILTERS, account_id)
        yield tx
        await tx.execute(NOTIFY, FILTERS, str(account_id))
    ctx.viewer_filters.forget(account_id)


async def add_filter(ctx: Context, tx: Transaction, account_id: int, values: FilterValues) -> int:
    """Store a filter and give its id. Raises Invalid."""
    checked = check_filter(values)
    if (await tx.value(COUNT_FILTERS, account_id) or 0) >= MAX_FILTERS:
        raise Invalid(f"Validation failed: You have reached the maximum of {MAX_FILTERS} filters")
    filter_id = ctx.ids.new()
    await tx.execute(
        INSERT_FILTER,
        filter_id,
        account_id,
        checked.title,
        list(checked.contexts),
        checked.action,
        checked.expires_at,
        ctx.clock.now(),
    )
    return filter_id


async def change_filter(tx: Transaction, filter_id: int, values: FilterValues) -> None:
    """Make a filter what `values` say. Raises Invalid."""
    checked = check_filter(values)
    await tx.execute(
        UPDATE_FILTER,
        filter_id,
        checked.title,
        list(checked.contexts),
        checked.action,
        checked.expires_at,
    )


async def put_keywords(
    ctx: Context,
    tx: Transaction,
    account_id: int,
    filter_id: int,
    keywords: Sequence[KeywordValues],
) -> list[int]:
    """Store keywords, new ones and changed ones, and give their ids. Raises Invalid."""
    if not keywords:
        return []
    ids = [one.id if one.id is not None else ctx.ids.new() for one in keywords]
    words = [_checked_keyword(one.keyword) for one in keywords]
    await tx.execute(PUT_KEYWORDS, filter_id, ids, words, [one.whole_word for one in keywords])
    if (await tx.value(COUNT_KEYWORDS, account_id) or 0) > MAX_KEYWORDS:
        raise Invalid(f"Validation failed: You have reached the maximum of {MAX_KEYWORDS} keywords")
    return ids


async def remove_keywords(tx: Transaction, filter_id: int, ids: Sequence[int]) -> None:
    """Delete keywords of a filter."""
    if ids:
        await tx.execute(DELETE_KEYWORDS, filter_id, list(ids))


def check_filter(values: FilterValues) -> FilterValues:
    """Give the values as they are kept. Raises Invalid with Mastodon's texts."""
    title = values.title.strip()
    contexts = tuple(dict.fromkeys(one.strip() for one in values.contexts if one.strip()))
    errors = []
    if not title:
        errors.append("Title can't be blank")
    if len(title) > _MAX_TITLE_CHARS:
        errors.append(f"Title is too long (maximum is {_MAX_TITLE_CHARS} characters)")
    if not contexts:
        errors.append("Context can't be blank")
    if not contexts or not set(contexts) <= set(CONTEXTS):
        errors.append("Context None or invalid context supplied")
    if values.action not in ACTIONS:
        errors.append("Action is not included in the list")
    if errors:
        raise Invalid(f"Validation failed: {', '.join(errors)}")
    return FilterValues(title, contexts, values.action, values.expires_at)


def _checked_keyword(keyword: str) -> str:
    if not keyword.strip():
        raise Invalid("Validation failed: Keyword can't be blank")
    if len(keyword) > _MAX_KEYWORD_CHARS:
        raise Invalid(
            f"Validation failed: Keyword is too long (maximum is {_MAX_KEYWORD_CHARS} characters)"
        )
    return keyword

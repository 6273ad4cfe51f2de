"""Whom one may like to follow, and the directory (Mastodon API: suggestions, directory)."""

from typing import Literal

from fedserver import entities
from fedserver.context import Context
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Id, OffsetPage, OffsetParams, Params, endpoint
from fedserver.routing.pages import clamp
from storage.account_reads import AccountHeadRow
from storage.suggestions import (
    DIRECTORY_BY_ACTIVITY,
    DIRECTORY_BY_AGE,
    DISMISS_SUGGESTION,
    FAMILIAR_FOLLOWERS,
    SUGGESTIONS,
    SuggestionRow,
)

_SHOWN, _SHOWN_MOST = 40, 80
_FAMILIAR_EACH = 10
_MOST_ASKED_FOR = 40
# The older word for each reason (Mastodon API: Suggestion#source, deprecated).
_OLDER_WORDS = {"friends_of_friends": "past_interactions", "most_followed": "global"}


class LimitParams(Params, frozen=True, kw_only=True):
    """How many."""

    limit: int | None = None


class DirectoryParams(OffsetParams, frozen=True, kw_only=True):
    """In which order, and only people of this instance?"""

    order: Literal["active", "new"] = "active"
    local: bool = False


class AccountsParams(Params, frozen=True, kw_only=True):
    """Which accounts."""

    id: list[Id] = []  # noqa: RUF012 - msgspec copies defaults


@endpoint("GET", "/api/v2/suggestions", scope="read:accounts")
async def suggestions(ctx: Context, caller: Caller, params: LimitParams) -> JSON:
    """Suggest accounts, with the reason (Mastodon API: suggestions#v2)."""
    rows = await _suggested(ctx, caller, params)
    shown = await entities.accounts_of(ctx, _heads(rows), caller.account_id)
    return [
        {
            "source": _OLDER_WORDS[row.source],
            "sources": [row.source],
            "account": account,
        }
        for row, account in zip(rows, shown, strict=True)
    ]


@endpoint("GET", "/api/v1/suggestions", scope="read:accounts")
async def older_suggestions(ctx: Context, caller: Caller, params: LimitParams) -> JSON:
    """Suggest accounts (Mastodon API: suggestions#v1, deprecated)."""
    rows = await _suggested(ctx, caller, params)
    return await entities.accounts_of(ctx, _heads(rows), caller.account_id)


@endpoint("DELETE", "/api/v1/suggestions/{account_id}", scope="write:accounts")
async def dismiss(ctx: Context, caller: Caller, account_id: int) -> JSON:
    """Do not suggest somebody again (Mastodon API: suggestions#remove)."""
    await ctx.db.execute(DISMISS_SUGGESTION, caller.account_id, account_id)
    return {}


async def _suggested(ctx: Context, caller: Caller, params: LimitParams) -> list[SuggestionRow]:
    limit = clamp(params.limit, _SHOWN, _SHOWN_MOST)
    return await ctx.db.fetch(SUGGESTIONS, caller.account_id, limit)


def _heads(rows: list[SuggestionRow]) -> list[AccountHeadRow]:
    return [AccountHeadRow(row.cursor, row.id, row.version) for row in rows]


@endpoint("GET", "/api/v1/directory")
async def directory(ctx: Context, caller: Caller | None, params: DirectoryParams) -> OffsetPage:
    """Show accounts that want to be found (Mastodon API: directory#get)."""
    limit, offset = params.window(default=_SHOWN, most=_SHOWN_MOST)
    query = DIRECTORY_BY_AGE if params.order == "new" else DIRECTORY_BY_ACTIVITY
    viewer = viewer_of(caller)
    rows = await ctx.db.fetch(query, limit, offset, params.local, viewer)
    return OffsetPage(await entities.accounts_of(ctx, rows, viewer), limit, offset)


@endpoint("GET", "/api/v1/accounts/familiar_followers", scope="read:follows")
async def familiar_followers(ctx: Context, caller: Caller, params: AccountsParams) -> JSON:
    """Show whom the caller follows that follow these accounts, too.

    Mastodon API: accounts#familiar_followers.
    """
    wanted = list(dict.fromkeys(params.id))[:_MOST_ASKED_FOR]
    rows = await ctx.db.fetch(FAMILIAR_FOLLOWERS, caller.account_id, wanted, _FAMILIAR_EACH)
    versions = {row.id: row.version for row in rows}
    heads = [AccountHeadRow(0, one, version) for one, version in versions.items()]
    shown = dict(
        zip(versions, await entities.accounts_of(ctx, heads, caller.account_id), strict=True)
    )
    return [
        {
            "id": str(wanted_id),
            "accounts": [shown[row.id] for row in rows if row.subject_id == wanted_id],
        }
        for wanted_id in wanted
    ]

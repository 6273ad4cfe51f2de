"""A year of one's own (Mastodon API: annual_reports)."""

from datetime import UTC, datetime

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import JSON, Caller, Reply, endpoint
from storage.annual_reports import (
    ANNUAL_REPORTS,
    MAKE_ANNUAL_REPORT,
    POSTED_IN_YEAR,
    READ_ANNUAL_REPORT,
    AnnualReportRow,
)

_SCHEMA_VERSION = 2
_FIRST_YEAR = 2000
_DECEMBER = 12
_ABOUT_ACCOUNTS = ("commonly_interacted_with_accounts", "most_reblogged_accounts")


@endpoint("GET", "/api/v1/annual_reports", scope="read:accounts")
async def annual_reports(ctx: Context, caller: Caller) -> JSON:
    """Show the reports that were made and not read yet (Mastodon API: annual_reports#index)."""
    rows = await ctx.db.fetch(ANNUAL_REPORTS, caller.account_id, None)
    return await _wrapped(ctx, caller, [row for row in rows if not row.read])


@endpoint("GET", "/api/v1/annual_reports/{year}", scope="read:accounts")
async def annual_report(ctx: Context, caller: Caller, year: int) -> JSON:
    """Show the report of a year. 404 where none was made (annual_reports#show)."""
    return await _wrapped(ctx, caller, [await _made(ctx, caller, year)])


@endpoint("GET", "/api/v1/annual_reports/{year}/state", scope="read:accounts")
async def state(ctx: Context, caller: Caller, year: int) -> JSON:
    """Say whether there is a report, or whether one can be made (annual_reports#state)."""
    if await ctx.db.one(ANNUAL_REPORTS, caller.account_id, _in_range(year)):
        return {"state": "available"}
    return {"state": "eligible" if await _eligible(ctx, caller, year) else "ineligible"}


@endpoint("POST", "/api/v1/annual_reports/{year}/generate", scope="write:accounts")
async def generate(ctx: Context, caller: Caller, year: int) -> Reply:
    """Make the report of a year that is over, or in its December. 404 for another one, and for
    who did not post in it (annual_reports#generate)."""
    if await ctx.db.one(ANNUAL_REPORTS, caller.account_id, _in_range(year)) is None:
        if not await _eligible(ctx, caller, year):
            raise NotFound("Record not found")
        bounds = _bounds(ctx, year)
        now = ctx.clock.now()
        await ctx.db.execute(MAKE_ANNUAL_REPORT, caller.account_id, *bounds, year, now)
    return Reply({}, status=202)


@endpoint("POST", "/api/v1/annual_reports/{year}/read", scope="write:accounts")
async def read(ctx: Context, caller: Caller, year: int) -> JSON:
    """Do not show a report in the list any more (annual_reports#read)."""
    await _made(ctx, caller, year)
    await ctx.db.execute(READ_ANNUAL_REPORT, caller.account_id, year, ctx.clock.now())
    return {}


async def _made(ctx: Context, caller: Caller, year: int) -> AnnualReportRow:
    row = await ctx.db.one(ANNUAL_REPORTS, caller.account_id, _in_range(year))
    if row is None:
        raise NotFound("Record not found")
    return row


async def _eligible(ctx: Context, caller: Caller, year: int) -> bool:
    now = ctx.clock.now()
    if year > now.year or (year == now.year and now.month < _DECEMBER):
        return False
    posted = await ctx.db.value(POSTED_IN_YEAR, caller.account_id, *_bounds(ctx, year))
    return posted is True


def _in_range(year: int) -> int:
    if not _FIRST_YEAR <= year <= datetime.max.year - 1:
        raise NotFound("Record not found")
    return year


def _bounds(ctx: Context, year: int) -> tuple[int, int]:
    first, after = (datetime(one, 1, 1, tzinfo=UTC) for one in (year, year + 1))
    return ctx.ids.at(first), ctx.ids.at(after)


async def _wrapped(ctx: Context, caller: Caller, rows: list[AnnualReportRow]) -> JSON:
    accounts, statuses = set[int](), set[int]()
    for row in rows:
        for key in _ABOUT_ACCOUNTS:
            accounts |= {int(one["account_id"]) for one in row.data[key]}
        statuses |= {int(one) for one in row.data["top_statuses"].values() if one}
    return {
        "annual_reports": [
            {
                "year": row.year,
                "account_id": str(caller.account_id),
                "data": row.data,
                "schema_version": _SCHEMA_VERSION,
                "share_url": None,
            }
            for row in rows
        ],
        "accounts": await entities.accounts(ctx, sorted(accounts), caller.account_id),
        "statuses": await entities.statuses(ctx, sorted(statuses), caller.account_id),
    }

"""Who acts, and on what: the rows that a client's request names, and how its act is done."""

from fedserver import effects
from fedserver.context import Context
from fedserver.effects import Act
from fedserver.errors import Forbidden, NotFound, Refused
from fedserver.routing import Caller
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.statuses import VISIBLE_STATUS, StatusRow


async def acting_account(ctx: Context, caller: Caller) -> AccountRow:
    """Give the account of the caller."""
    return await _account(ctx, caller.account_id)


async def target_account(ctx: Context, account_id: int) -> AccountRow:
    """Give an account to show or act on. Raises NotFound for unknown and deleted ones."""
    row = await _account(ctx, account_id)
    if row.deleted_at is not None:
        raise NotFound("Record not found")
    return row


async def author_of(ctx: Context, status: StatusRow) -> AccountRow:
    """Give who wrote `status`."""
    return await _account(ctx, status.account_id)


async def _account(ctx: Context, account_id: int) -> AccountRow:
    row = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


async def visible_status(ctx: Context, status_id: int, viewer: int | None) -> StatusRow:
    """Give a status or boost. Raises NotFound for what is hidden from `viewer` or missing."""
    row = await ctx.db.one(VISIBLE_STATUS, status_id, viewer)
    if row is None:
        raise NotFound("Record not found")
    return row


async def shown_status(ctx: Context, status_id: int, viewer: int | None) -> StatusRow:
    """As visible_status, but of a boost the boosted status: a boost itself is never reacted to."""
    row = await visible_status(ctx, status_id, viewer)
    if row.reblog_of_id is None:
        return row
    return await visible_status(ctx, row.reblog_of_id, viewer)


async def own_status(ctx: Context, status_id: int, caller: Caller) -> StatusRow:
    """Give a status or boost of the caller. Raises NotFound for everybody else's."""
    row = await visible_status(ctx, status_id, caller.account_id)
    if row.account_id != caller.account_id:
        raise NotFound("Record not found")
    return row


def new_activity_uri(ctx: Context) -> str:
    """Give the id of an activity that is not about a status of its own."""
    return Uris(ctx.config.base_url).activity(ctx.ids.new())


async def perform(ctx: Context, act: Act) -> bool:
    """As effects.perform, for a client: what is refused is forbidden (403)."""
    try:
        return await effects.perform(ctx, act)
    except Refused as refused:
        raise Forbidden("This action is not allowed") from refused

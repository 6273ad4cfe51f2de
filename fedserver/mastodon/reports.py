"""Reports to the moderators (Mastodon API: reports)."""

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import Flag
from fedserver.effects.flag import MAX_COMMENT_CHARS
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import acting_account, perform, target_account
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.routing.params import Id
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.reports import REPORTABLE_STATUSES
from storage.statuses import StatusRow

_CATEGORIES = ("spam", "legal", "violation", "other")
_MAX_STATUSES = 100


class ReportParams(Params, frozen=True, kw_only=True):
    """Whom, what and why. `forward`: also tell the target's server, without the reporter's name."""

    account_id: Id
    status_ids: list[Id] = msgspec.field(default_factory=list)
    comment: str = ""
    forward: bool | None = None
    category: str | None = None
    rule_ids: list[Id] | None = None
    collection_ids: list[Id] = msgspec.field(default_factory=list)


@endpoint("POST", "/api/v1/reports", scope="write:reports")
async def create_report(ctx: Context, caller: Caller, params: ReportParams) -> JSON:
    """Report an account and its statuses (Mastodon API: reports#create).

    404 for an account or status that is not there, or that the caller may not see.
    """
    _check(ctx, params)
    target = await target_account(ctx, params.account_id)
    forward = bool(params.forward) and not target.local
    report_id = ctx.ids.new()
    act = Flag(
        actor=await acting_account(ctx, caller),
        uri=Uris(ctx.config.base_url).activity(report_id),
        id=report_id,
        target=target,
        statuses=await _statuses(ctx, caller, target, params.status_ids),
        comment=params.comment,
        category="violation" if params.rule_ids else params.category or "other",
        rule_ids=tuple(params.rule_ids) if params.rule_ids else None,
        speaker=await _instance_actor(ctx) if forward else None,
    )
    await perform(ctx, act)
    return await entities.report(ctx, report_id)


def _check(ctx: Context, params: ReportParams) -> None:
    if len(params.comment) > MAX_COMMENT_CHARS:
        raise Invalid(
            f"Validation failed: Comment is too long (maximum is {MAX_COMMENT_CHARS} characters)"
        )
    if params.category and params.category not in _CATEGORIES:
        raise Invalid("Validation failed: Category is not included in the list")
    rules = len(ctx.config.instance.rules)
    if any(not 1 <= number <= rules for number in params.rule_ids or ()):
        raise Invalid("Validation failed: Rules does not reference valid rules")
    if len(params.status_ids) > _MAX_STATUSES:
        raise Invalid(f"Validation failed: At most {_MAX_STATUSES} posts can be reported at once")
    if params.collection_ids:
        raise NotFound("Record not found")


async def _statuses(
    ctx: Context, caller: Caller, target: AccountRow, ids: list[int]
) -> tuple[StatusRow, ...]:
    wanted = set(ids)
    found = await ctx.db.fetch(REPORTABLE_STATUSES, list(wanted), target.id, caller.account_id)
    if len(found) != len(wanted):
        raise NotFound("Record not found")
    return tuple(found)


async def _instance_actor(ctx: Context) -> AccountRow:
    actor = await ctx.db.one(ACCOUNT_BY_URI, Uris(ctx.config.base_url).instance_actor)
    if actor is None:
        raise NotFound("Record not found")
    return actor

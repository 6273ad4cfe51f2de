"""Posts that wait for their time (Mastodon API: scheduled_statuses)."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import Create, NewStatus
from fedserver.errors import FedserverError, Invalid, NotFound, Unreachable
from fedserver.mastodon.composing import NewStatusParams, claim_media, new_status, posting_defaults
from fedserver.mastodon.quoting import ask_for_consent
from fedserver.mastodon.subjects import acting_account
from fedserver.routing import JSON, Caller, Page, PageParams, Params, endpoint
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID
from storage.database import Transaction
from storage.media import MEDIA_OF_SCHEDULED, MediaRow
from storage.paging import edges, fetch_page
from storage.scheduled import (
    COUNT_SCHEDULED,
    DELETE_SCHEDULED,
    GIVE_UP_SCHEDULED,
    INSERT_SCHEDULED,
    KEEP_MEDIA,
    LOCK_SCHEDULING,
    OWN_SCHEDULED,
    RESCHEDULE,
    SCHEDULED,
    SCHEDULED_WITH_KEY,
    TAKE_SCHEDULED,
    ScheduledCountRow,
    ScheduledRow,
)

log = logging.getLogger(__name__)

# Mastodon: ScheduledStatus, PostStatusService::MIN_SCHEDULE_OFFSET.
SOONEST = timedelta(minutes=5)
MOST_WAITING, MOST_A_DAY = 300, 25
_MOST_ATTEMPTS = 12
_NOTHING: dict[str, Any] = {}


class ScheduleParams(Params, frozen=True, kw_only=True):
    """When a post is to appear."""

    scheduled_at: str | None = None


def wanted_time(ctx: Context, text: str | None) -> datetime | None:
    """Give when a new post is to appear; None for at once, which a time that is over means too.

    Raises Invalid for what is no time.
    """
    moment = _read(text)
    return moment if moment is not None and moment > ctx.clock.now() else None


def _read(text: str | None) -> datetime | None:
    if text is None or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("Validation failed: Scheduled at is invalid") from error


async def schedule(
    ctx: Context, caller: Caller, params: NewStatusParams, key: str | None, moment: datetime
) -> JSON:
    """Keep a post until `moment`. It is checked now as if it were posted now.

    Raises Invalid, also where too many wait already.
    """
    earlier = await _with_key(ctx, caller, key)
    if earlier is not None:
        return await _show_one(ctx, earlier)
    author, application_id = await acting_account(ctx, caller), caller.token.application_id
    checked = await new_status(ctx, author, application_id, params, key)
    policy = (await posting_defaults(ctx, author)).default_quote_policy
    kept = _kept_params(params, checked, params.quote_approval_policy or policy)
    scheduled_id, now = ctx.ids.new(), ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.value(LOCK_SCHEDULING, author.id)
        earlier = await _with_key(ctx, caller, key, tx)
        if earlier is None:
            await _check_time(ctx, tx, author.id, moment, apart_from=0)
            await claim_media(tx, author, params.media_ids, None)
            await tx.execute(
                INSERT_SCHEDULED, scheduled_id, author.id, application_id, moment, kept, now
            )
            await _keep_media(tx, author.id, scheduled_id, params.media_ids)
    return await show(ctx, caller, scheduled_id if earlier is None else earlier.id)


async def _with_key(
    ctx: Context, caller: Caller, key: str | None, tx: Transaction | None = None
) -> ScheduledRow | None:
    if key is None:
        return None
    return await (tx or ctx.db).one(SCHEDULED_WITH_KEY, caller.account_id, key)


async def _keep_media(
    tx: Transaction, author_id: int, scheduled_id: int, media_ids: Sequence[int]
) -> None:
    wanted = list(dict.fromkeys(media_ids))
    if wanted and await tx.execute(KEEP_MEDIA, scheduled_id, author_id, wanted) < len(wanted):
        raise Invalid("Validation failed: Media is already attached to another scheduled post")


async def _check_time(
    ctx: Context, tx: Transaction, account_id: int, moment: datetime, *, apart_from: int
) -> None:
    if moment <= ctx.clock.now() + SOONEST:
        raise Invalid("Validation failed: Scheduled at The scheduled date must be in the future")
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    count = await tx.one(
        COUNT_SCHEDULED, account_id, day, day + timedelta(days=1), apart_from
    ) or ScheduledCountRow(0, 0)
    if count.total >= MOST_WAITING:
        raise Invalid(
            f"Validation failed: You have exceeded the limit of {MOST_WAITING} scheduled posts"
        )
    if count.that_day >= MOST_A_DAY:
        raise Invalid(
            "Validation failed: You have exceeded the limit of "
            f"{MOST_A_DAY} scheduled posts for today"
        )


def _kept_params(params: NewStatusParams, checked: NewStatus, policy: str) -> dict[str, Any]:
    """Give the params as ScheduledStatus shows them, with the author's defaults of today;
    `_posted_params` reads them again."""
    kept: dict[str, Any] = msgspec.to_builtins(params)
    text = kept.pop("status")
    quoted = params.quoted_status_id
    return {
        **kept,
        "text": text,
        "quoted_status_id": None if quoted is None else str(quoted),
        "media_ids": [str(one) for one in params.media_ids] or None,
        "visibility": checked.visibility,
        "sensitive": checked.sensitive,
        "language": checked.language,
        "quote_approval_policy": policy,
        "scheduled_at": None,
        "idempotency": checked.idempotency_key,
        "application_id": checked.application_id,
        "with_rate_limit": False,
    }


def _posted_params(row: ScheduledRow) -> NewStatusParams:
    given = {name: value for name, value in row.params.items() if value is not None}
    given["status"] = given.get("text", "")
    return msgspec.convert(given, NewStatusParams, strict=False)


@endpoint("GET", "/api/v1/scheduled_statuses", scope="read:statuses")
async def index(ctx: Context, caller: Caller, params: PageParams) -> Page:
    """Show the caller's posts that wait (Mastodon API: scheduled_statuses#get)."""
    cursor = params.cursor()
    rows = await fetch_page(ctx.db, SCHEDULED, cursor, caller.account_id)
    return Page(await _show(ctx, rows), edges(rows, cursor, lambda row: row.id))


@endpoint("GET", "/api/v1/scheduled_statuses/{scheduled_id}", scope="read:statuses")
async def show(ctx: Context, caller: Caller, scheduled_id: int) -> JSON:
    """Show one of them (Mastodon API: scheduled_statuses#get-one)."""
    return await _show_one(ctx, await _own(ctx, caller, scheduled_id))


@endpoint("PUT", "/api/v1/scheduled_statuses/{scheduled_id}", scope="write:statuses")
async def update(ctx: Context, caller: Caller, scheduled_id: int, params: ScheduleParams) -> JSON:
    """Change when one appears (Mastodon API: scheduled_statuses#update)."""
    moment = _read(params.scheduled_at)
    await _own(ctx, caller, scheduled_id)
    if moment is not None:
        async with ctx.db.transaction() as tx:
            await tx.value(LOCK_SCHEDULING, caller.account_id)
            await _check_time(ctx, tx, caller.account_id, moment, apart_from=scheduled_id)
            await tx.execute(RESCHEDULE, scheduled_id, moment)
    return await show(ctx, caller, scheduled_id)


@endpoint("DELETE", "/api/v1/scheduled_statuses/{scheduled_id}", scope="write:statuses")
async def cancel(ctx: Context, caller: Caller, scheduled_id: int) -> JSON:
    """Do not post it (Mastodon API: scheduled_statuses#cancel)."""
    if not await ctx.db.execute(DELETE_SCHEDULED, scheduled_id, caller.account_id):
        raise NotFound("Record not found")
    return _NOTHING


async def _own(ctx: Context, caller: Caller, scheduled_id: int) -> ScheduledRow:
    row = await ctx.db.one(OWN_SCHEDULED, scheduled_id, caller.account_id)
    if row is None:
        raise NotFound("Record not found")
    return row


async def _show_one(ctx: Context, row: ScheduledRow) -> JSON:
    [shown] = await _show(ctx, [row])
    return shown


async def _show(ctx: Context, rows: Sequence[ScheduledRow]) -> list[JSON]:
    """Give ScheduledStatuses, with their media in the order of their params, in one query."""
    ids = [row.id for row in rows if row.params["media_ids"]]
    found = await ctx.db.fetch(MEDIA_OF_SCHEDULED, ids) if ids else []
    return [_entity(ctx, row, {str(one.id): one for one in found}) for row in rows]


def _entity(ctx: Context, row: ScheduledRow, media: dict[str, MediaRow]) -> JSON:
    uris = ctx.uris
    attached = [media[one] for one in row.params["media_ids"] or () if one in media]
    return {
        "id": str(row.id),
        "scheduled_at": entities.timestamp(row.scheduled_at),
        "params": row.params,
        "media_attachments": [entities.media(uris, one) for one in attached],
    }


async def post_due(ctx: Context, row: ScheduledRow) -> None:
    """Post what a worker has claimed, once, whoever else tries. What can never be posted stays,
    so that its author may see to it; what may be possible later is tried again."""
    try:
        await _post(ctx, row)
    except Unreachable as error:
        if row.attempts >= _MOST_ATTEMPTS:
            await ctx.db.execute(GIVE_UP_SCHEDULED, row.id, row.due_at, str(error))
    except FedserverError as error:
        log.info("the scheduled post %s cannot be posted: %s", row.id, error)
        await ctx.db.execute(GIVE_UP_SCHEDULED, row.id, row.due_at, str(error))


async def _post(ctx: Context, row: ScheduledRow) -> None:
    author = await ctx.db.one(ACCOUNT_BY_ID, row.account_id)
    if author is None:
        raise NotFound("Record not found")
    application_id, key = row.application_id, row.params["idempotency"]
    status = await new_status(ctx, author, application_id, _posted_params(row), key)
    uri = Uris(ctx.config.base_url).status_activity(author.username, status.id)
    async with ctx.db.transaction() as tx:
        if not await tx.execute(TAKE_SCHEDULED, row.id, row.due_at):
            return  # it was changed or deleted meanwhile, or another process was quicker
        await claim_media(tx, author, status.media_ids, None)
        await effects.perform_in(ctx, tx, Create(actor=author, uri=uri, status=status))
        await ask_for_consent(ctx, tx, author, status)

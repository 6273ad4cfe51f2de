"""Posting and deleting (Mastodon API: statuses#create, #delete). Edits are in `editing`."""

from aiohttp import web

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import AlreadyPosted, Create, DeleteStatus, Undo, announce_of
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon import scheduling
from fedserver.mastodon.composing import NewStatusParams, claim_media, new_status
from fedserver.mastodon.quoting import ask_for_consent
from fedserver.mastodon.subjects import (
    acting_account,
    author_of,
    new_activity_uri,
    own_status,
    perform,
    visible_status,
)
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.uris import Uris
from storage.accounts import AccountRow
from storage.idempotency import STATUS_OF_KEY
from storage.media import DETACH_OTHER_MEDIA
from storage.statuses import StatusRow

_MAX_KEY_CHARS = 255


@endpoint("POST", "/api/v1/statuses", scope="write:statuses")
async def create_status(
    ctx: Context, caller: Caller, request: web.Request, params: NewStatusParams
) -> JSON:
    """Post a status, or keep it until `scheduled_at`: then the answer is a ScheduledStatus. A
    repeated Idempotency-Key gives what the first request made."""
    key = _idempotency_key(request)
    later = scheduling.wanted_time(ctx, params.scheduled_at)
    if later is not None:
        return await scheduling.schedule(ctx, caller, params, key, later)
    status_id = await _posted_before(ctx, caller, key)
    if status_id is None:
        status_id = await _post_once(ctx, caller, params, key)
    return await entities.status(ctx, status_id, caller.account_id)


def _idempotency_key(request: web.Request) -> str | None:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > _MAX_KEY_CHARS:
        raise Invalid(f"Idempotency-Key may have {_MAX_KEY_CHARS} characters")
    return key or None


async def _posted_before(ctx: Context, caller: Caller, key: str | None) -> int | None:
    if key is None:
        return None
    return await ctx.db.value(STATUS_OF_KEY, caller.account_id, key)


async def _post_once(ctx: Context, caller: Caller, params: NewStatusParams, key: str | None) -> int:
    try:
        author = await acting_account(ctx, caller)
        return await _post(ctx, author, caller.token.application_id, params, key)
    except (AlreadyPosted, Invalid):
        # A parallel request with the key was quicker, and may have taken the attachments.
        earlier = await _posted_before(ctx, caller, key)
        if earlier is None:
            raise
        return earlier


async def post_text(ctx: Context, author: AccountRow, text: str, visibility: str) -> int:
    """Post a text, as the page for sharing does; give the status's id. Raises Invalid."""
    params = NewStatusParams(status=text, visibility=visibility or None)
    return await _post(ctx, author, None, params, None)


async def _post(
    ctx: Context,
    author: AccountRow,
    application_id: int | None,
    params: NewStatusParams,
    key: str | None,
) -> int:
    status = await new_status(ctx, author, application_id, params, key)
    uri = Uris(ctx.config.base_url).status_activity(author.username, status.id)
    async with ctx.db.transaction() as tx:
        await claim_media(tx, author, status.media_ids, None)
        await effects.perform_in(ctx, tx, Create(actor=author, uri=uri, status=status))
        await ask_for_consent(ctx, tx, author, status)
    return status.id


class DeleteParams(Params, frozen=True, kw_only=True):
    """`delete_media`: attachments go too, else they can be posted again (delete and redraft)."""

    delete_media: bool = False


@endpoint("DELETE", "/api/v1/statuses/{status_id}", scope="write:statuses", rate="deletes")
async def delete_status(ctx: Context, caller: Caller, status_id: int, params: DeleteParams) -> JSON:
    """Delete one's status for good; the answer has what is needed to write it anew."""
    row = await own_status(ctx, status_id, caller)
    answer = await entities.status_with_text(ctx, row, caller.account_id)
    actor = await acting_account(ctx, caller)
    if row.reblog_of_id is not None:
        await _take_back_boost(ctx, actor, row, row.reblog_of_id)
    else:
        await _delete(ctx, actor, row, keep_media=not params.delete_media)
    return answer


async def _delete(ctx: Context, actor: AccountRow, row: StatusRow, *, keep_media: bool) -> None:
    act = DeleteStatus(actor=actor, uri=new_activity_uri(ctx), status=row)
    async with ctx.db.transaction() as tx:
        if keep_media:
            await tx.execute(DETACH_OTHER_MEDIA, row.id, actor.id, [])
        if not await effects.perform_in(ctx, tx, act):
            raise NotFound("Record not found")


async def _take_back_boost(
    ctx: Context, actor: AccountRow, boost: StatusRow, boosted_id: int
) -> None:
    status = await visible_status(ctx, boosted_id, actor.id)
    undone = announce_of(boost, actor, status, await author_of(ctx, status))
    await perform(ctx, Undo(actor=actor, uri=new_activity_uri(ctx), undone=undone))

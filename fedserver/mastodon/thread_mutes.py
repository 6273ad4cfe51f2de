"""Threads that a person does not want to hear of (Mastodon API: statuses#mute, #unmute)."""

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import MuteThread, Undo
from fedserver.mastodon.subjects import acting_account, perform, shown_status
from fedserver.routing import JSON, Caller, endpoint


@endpoint("POST", "/api/v1/statuses/{status_id}/mute", scope="write:mutes")
async def mute(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Get no more notifications of a thread (Mastodon API: statuses#mute)."""
    status = await shown_status(ctx, status_id, caller.account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, MuteThread(actor=actor, status=status))
    return await entities.status(ctx, status_id, caller.account_id)


@endpoint("POST", "/api/v1/statuses/{status_id}/unmute", scope="write:mutes")
async def unmute(ctx: Context, caller: Caller, status_id: int) -> JSON:
    """Hear of a thread again (Mastodon API: statuses#unmute)."""
    status = await shown_status(ctx, status_id, caller.account_id)
    actor = await acting_account(ctx, caller)
    await perform(ctx, Undo(actor=actor, undone=MuteThread(actor=actor, status=status)))
    return await entities.status(ctx, status_id, caller.account_id)

"""Polls (Mastodon API: polls)."""

import msgspec

from fedserver import entities
from fedserver.context import Context
from fedserver.effects import Vote
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.subjects import (
    acting_account,
    author_of,
    new_activity_uri,
    perform,
    visible_status,
)
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Params, endpoint
from storage.reactions import POLL_BY_ID, PollRow
from storage.statuses import StatusRow


@endpoint("GET", "/api/v1/polls/{poll_id}", scope="read:statuses")
async def show_poll(ctx: Context, caller: Caller | None, poll_id: int) -> JSON:
    """Show a poll to whoever may see its status (Mastodon API: polls#get)."""
    viewer = viewer_of(caller)
    poll, _ = await _visible_poll(ctx, poll_id, viewer)
    return await _answer(ctx, poll, viewer)


async def _visible_poll(
    ctx: Context, poll_id: int, viewer: int | None
) -> tuple[PollRow, StatusRow]:
    poll = await ctx.db.one(POLL_BY_ID, poll_id)
    if poll is None:
        raise NotFound("Record not found")
    return poll, await visible_status(ctx, poll.status_id, viewer)


async def _answer(ctx: Context, poll: PollRow, viewer: int | None) -> JSON:
    shown = await entities.poll(ctx, poll.id, viewer)
    if shown is None:
        raise NotFound("Record not found")
    return shown


class VoteParams(Params, frozen=True, kw_only=True):
    """Places in the list of options, from 0."""

    choices: list[int] = msgspec.field(default_factory=list)


@endpoint("POST", "/api/v1/polls/{poll_id}/votes", scope="write:statuses")
async def vote(ctx: Context, caller: Caller, poll_id: int, params: VoteParams) -> JSON:
    """Vote, once (Mastodon API: polls#vote)."""
    poll, status = await _visible_poll(ctx, poll_id, caller.account_id)
    act = Vote(
        actor=await acting_account(ctx, caller),
        uri=new_activity_uri(ctx),
        poll=poll,
        status=status,
        author=await author_of(ctx, status),
        choices=_choices(poll, params.choices),
    )
    if not await perform(ctx, act):
        raise Invalid("Validation failed: You have already voted on this poll")
    return await _answer(ctx, poll, caller.account_id)


def _choices(poll: PollRow, given: list[int]) -> tuple[int, ...]:
    choices = tuple(dict.fromkeys(given))
    if not choices:
        raise Invalid("Validation failed: Choices can't be blank")
    if any(not 0 <= choice < len(poll.options) for choice in choices):
        raise Invalid("Validation failed: The chosen vote option does not exist")
    if len(choices) > 1 and not poll.multiple:
        raise Invalid("Validation failed: Only one option of this poll can be chosen")
    return choices

"""A peer's activity becomes an act: the one table of what can come in."""

import logging
from collections.abc import Awaitable, Callable, Coroutine

from activitypub.errors import ProtocolError
from activitypub.hearsay import Hearsay
from activitypub.trust import Verified
from fedserver.context import Context
from fedserver.effects import persons_word
from fedserver.effects.acts import Act
from fedserver.effects.block import Block
from fedserver.effects.feature_consent import RequestFeature
from fedserver.effects.flag import Flag
from fedserver.effects.follow import Follow
from fedserver.effects.forwarding import Forwarding, forward_in, forwarding_of
from fedserver.effects.incoming import Incoming
from fedserver.effects.interaction_requests import (
    read_announce_request,
    read_like_request,
    read_reply_request,
)
from fedserver.effects.meanings import (
    read_any_accept,
    read_any_add,
    read_any_announce,
    read_any_delete,
    read_any_reject,
    read_any_remove,
    read_any_update,
)
from fedserver.effects.move import Move
from fedserver.effects.others_leave import read_any_create
from fedserver.effects.outcomes import DONE, DUPLICATE, Ignored, Outcome, OutcomeName
from fedserver.effects.performing import perform_in
from fedserver.effects.quote import QuoteRequest
from fedserver.effects.react import React, read_like
from fedserver.effects.refetching import read_hearsay_act
from fedserver.effects.undo import Undo
from fedserver.errors import Denied, Gone, Invalid, NotFound, Refused, Unreachable
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.inbox import SETTLE
from storage.statuses import TOMBSTONED

log = logging.getLogger(__name__)

Read = Callable[[Incoming], Awaitable[Act]]

# What an activity type from a peer is read as. `EFFECTS` in the docs is made from this table.
READERS: dict[str, Read] = {
    "Accept": read_any_accept,
    "Add": read_any_add,
    "Announce": read_any_announce,
    "AnnounceRequest": read_announce_request,
    "Block": Block.read,
    "Create": read_any_create,
    "Delete": read_any_delete,
    "EmojiReact": React.read,
    "FeatureRequest": RequestFeature.read,
    "Flag": Flag.read,
    "Follow": Follow.read,
    "Like": read_like,
    "LikeRequest": read_like_request,
    "Move": Move.read,
    "QuoteRequest": QuoteRequest.read,
    "Reject": read_any_reject,
    "Remove": read_any_remove,
    "ReplyRequest": read_reply_request,
    "Undo": Undo.read,
    "Update": read_any_update,
}


async def receive(ctx: Context, verified: Verified, budget: Budget, *, item_id: int) -> Outcome:
    """Do what a verified activity says, and settle its inbox item in the same transaction.

    Gives the outcome; the caller settles those that changed nothing. Database errors are raised.
    """
    return await _outcome(_receive(ctx, verified, budget, item_id))


async def receive_hearsay(
    ctx: Context, hearsay: Hearsay, budget: Budget, *, item_id: int
) -> Outcome:
    """Do what the origin of a forwarded activity confirms, and settle its inbox item, as `receive`
    does."""
    return await _outcome(_receive_hearsay(ctx, hearsay, budget, item_id))


async def _receive(ctx: Context, verified: Verified, budget: Budget, item_id: int) -> Outcome:
    act = await _read(ctx, verified, budget)
    forwarding = await forwarding_of(ctx, verified)
    return await _perform_and_settle(ctx, act, item_id, forwarding)


async def _receive_hearsay(ctx: Context, hearsay: Hearsay, budget: Budget, item_id: int) -> Outcome:
    act = await read_hearsay_act(ctx, hearsay, budget)
    return await _perform_and_settle(ctx, act, item_id, None)


async def _outcome(receiving: Coroutine[None, None, Outcome]) -> Outcome:
    try:
        return await receiving
    except Ignored as ignored:
        return Outcome(OutcomeName.IGNORED, ignored.reason)
    except Unreachable as error:
        return Outcome(OutcomeName.RETRY, str(error))
    except (Denied, Gone, NotFound) as error:
        return Outcome(OutcomeName.IGNORED, str(error))
    except (Refused, Invalid, ProtocolError) as error:
        return Outcome(OutcomeName.REFUSED, str(error))


async def _read(ctx: Context, verified: Verified, budget: Budget) -> Act:
    activity = verified.activity
    reader = READERS.get(activity.type)
    if reader is None:
        raise Ignored(f"{activity.type} is not an activity that means anything here")
    actor = await resolve.account(ctx, verified.signer, budget)
    word = await persons_word.hear(ctx, activity, actor.uri)
    dead = [uri for uri in (activity.id, activity.object_id) if uri]
    heard = word is not None
    if activity.type != "Delete" and not heard and await ctx.db.value(TOMBSTONED, dead, actor.id):
        raise Ignored("it was deleted or taken back before")
    if actor.suspended_at is not None or (actor.gone and not heard):
        raise Refused("its actor is suspended or deleted here")
    return await reader(Incoming(ctx, activity, actor, budget, word))


async def _perform_and_settle(
    ctx: Context, act: Act, item_id: int, forwarding: Forwarding | None
) -> Outcome:
    async with ctx.db.transaction() as tx:
        outcome = DONE if await perform_in(ctx, tx, act) else DUPLICATE
        if outcome is DONE and forwarding is not None:
            await forward_in(ctx, tx, forwarding, item_id, act.actor.uri)
        await tx.execute(SETTLE, item_id, outcome.name, outcome.reason, ctx.clock.now())
    return outcome

"""Forwarding from the inbox (ActivityPub §7.1.2): what answers one of our people reaches those who
follow them, as it came."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from activitypub.addressing import PUBLIC
from activitypub.model import Object
from activitypub.origins import same_origin
from activitypub.trust import Verified
from fedserver.context import Context
from storage.database import Transaction
from storage.deliveries import INSERT_DELIVERIES
from storage.forwarding import ANSWERED_HERE, FORWARD_ITEM, FORWARDED_FOR
from storage.relations import FOLLOWERS_INBOXES
from storage.replays import SHARE_POSTING


@dataclass(frozen=True, slots=True)
class Forwarding:
    """Whose followers get an activity, and what it is about."""

    owner_id: int
    object_id: str


async def forwarding_of(ctx: Context, verified: Verified) -> Forwarding | None:
    """Give to whose followers an activity goes on; asked before it is done, since a Delete leaves
    nothing to ask."""
    activity = verified.activity
    if activity.object_id is None:
        return None
    owner: int | None = None
    if activity.type == "Create" and isinstance(activity.object, Object):
        owner = await _answered(ctx, verified, activity.object)
    elif activity.type in ("Update", "Delete"):
        owner = await ctx.db.value(FORWARDED_FOR, activity.object_id)
    return Forwarding(owner, activity.object_id) if owner is not None else None


async def _answered(ctx: Context, verified: Verified, created: Object) -> int | None:
    """Give who of our people is answered, if that is also for their followers: it is addressed to
    them, or it is public and proves itself wherever it comes."""
    base = ctx.config.base_url
    if created.in_reply_to is None or not same_origin(created.in_reply_to, base):
        return None
    answered = await ctx.db.one(ANSWERED_HERE, created.in_reply_to, verified.signer)
    if answered is None:
        return None
    activity = verified.activity
    addressed = {*activity.to, *activity.cc, *created.to, *created.cc}
    proves_itself = "proof" in verified.document or "signature" in verified.document
    wanted = answered.followers_url in addressed or (PUBLIC in addressed and proves_itself)
    return answered.account_id if wanted else None


async def forward_in(
    ctx: Context, tx: Transaction, forwarding: Forwarding, item_id: int, author_uri: str
) -> None:
    """Send the bytes that came to the followers' inboxes, but not back to where they come from."""
    activity_id = ctx.ids.new()
    now = ctx.clock.now()
    forwarded = await tx.execute(
        FORWARD_ITEM, activity_id, forwarding.owner_id, forwarding.object_id, now, item_id
    )
    if not forwarded:
        return
    inboxes = await tx.values(FOLLOWERS_INBOXES, forwarding.owner_id)
    others = sorted(one for one in inboxes if not same_origin(one, author_uri))
    hosts = {inbox: urlsplit(inbox).netloc.lower() for inbox in others}
    wanted = [inbox for inbox, host in hosts.items() if not ctx.domains.refuses(host)]
    if wanted:
        await tx.execute(SHARE_POSTING)
        await tx.execute(
            INSERT_DELIVERIES, activity_id, wanted, [hosts[one] for one in wanted], now
        )

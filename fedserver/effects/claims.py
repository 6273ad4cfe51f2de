"""The leave that an act of a peer's names where it acts upon what another peer's author guards: the
authorization is fetched from that author's own origin and compared (GoToSocial's
`replyAuthorization`, `likeAuthorization`, `announceAuthorization`, and the older `approvedBy`)."""

from activitypub.model import Authorization
from fedserver.context import Context
from fedserver.effects.gate import Claim, is_open
from fedserver.effects.incoming import Incoming
from fedserver.effects.leave import Kind
from fedserver.services.authorizing import prove
from fedserver.services.fetch import Budget
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.statuses import StatusRow

TYPES = {
    "like": "LikeAuthorization",
    "reply": "ReplyAuthorization",
    "announce": "AnnounceAuthorization",
}


async def claim_of(
    incoming: Incoming, kind: Kind, status: StatusRow, author: AccountRow
) -> Claim | None:
    """Give what a peer's Like or Announce of `status` claims; None where nothing has to be."""
    uri = incoming.activity.authorization
    if uri is None or author.local or is_open(kind, status):
        return None
    return await _asked_for(incoming.ctx, kind, uri, incoming.uri, status, author, incoming.budget)


async def claim_of_reply(
    ctx: Context, reply_uri: str, claimed: str | None, parent: StatusRow | None, budget: Budget
) -> Claim | None:
    """Give what a peer's reply to `parent` claims; None where nothing has to be."""
    if claimed is None or parent is None or parent.local or is_open("reply", parent):
        return None
    author = await ctx.db.one(ACCOUNT_BY_ID, parent.account_id)
    if author is None:
        return None
    return await _asked_for(ctx, "reply", claimed, reply_uri, parent, author, budget)


async def _asked_for(
    ctx: Context,
    kind: Kind,
    uri: str,
    interaction_uri: str,
    status: StatusRow,
    author: AccountRow,
    budget: Budget,
) -> Claim:
    authorization = Authorization(
        id=uri,
        type=TYPES[kind],
        attributed_to=author.uri,
        interacting_object=interaction_uri,
        interaction_target=status.uri,
    )
    return Claim(uri, await prove(ctx, authorization, author, budget))

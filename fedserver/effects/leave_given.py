"""The answer of a peer's author to a LikeRequest, ReplyRequest or AnnounceRequest of ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from activitypub.origins import same_origin
from fedserver.context import Context
from fedserver.effects.acts import Act, Undoable
from fedserver.effects.incoming import Incoming
from fedserver.effects.like import Like
from fedserver.effects.react import react_of
from fedserver.effects.releasing import ReleaseBoost, ReleaseReply
from fedserver.effects.undo import announce_of
from fedserver.errors import Refused
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.emoji_reactions import EMOJI_REACTION_BY_URI
from storage.quotes import AUTHORIZE_INTERACTION, INTERACTION_REQUEST, InteractionRequestRow
from storage.statuses import REBLOG_BY_ACCOUNT, STATUS_BY_ID, STATUS_BY_URI, StatusRow


@dataclass(frozen=True, kw_only=True)
class _LeaveAnswer(Act):
    """What the author of `status` says to what `asker` wants to do with it."""

    asked: InteractionRequestRow
    asker: AccountRow
    status: StatusRow

    async def _interaction(self, tx: Transaction) -> Undoable | None:
        """Give the Like or Announce that was asked about; None where it was taken back since."""
        author = self.actor
        if self.asked.kind == "like":
            uri = self.asked.interaction_uri
            reaction = await tx.one(EMOJI_REACTION_BY_URI, uri)
            if reaction is not None:
                return react_of(reaction, self.asker, self.status, author)
            return Like(actor=self.asker, uri=uri, status=self.status, author=author)
        boost = await tx.one(REBLOG_BY_ACCOUNT, self.status.id, self.asker.id)
        return announce_of(boost, self.asker, self.status, author) if boost else None


@dataclass(frozen=True, kw_only=True)
class GiveLeave(_LeaveAnswer):
    """The author consents: the boost or the reply goes out now, with the authorization."""

    type: ClassVar[str] = "Accept"

    authorization_uri: str

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        return bool(await tx.execute(AUTHORIZE_INTERACTION, self.asked.uri, self.authorization_uri))

    async def consequences(self, ctx: Context, tx: Transaction) -> Sequence[Act]:
        if self.asked.kind == "like":
            return ()  # the author, who alone is told of it, has it by the request
        if self.asked.kind == "reply":
            reply = await tx.one(STATUS_BY_URI, self.asked.interaction_uri)
            return (ReleaseReply.of(ctx, self.asker, reply),) if reply is not None else ()
        boost = await tx.one(REBLOG_BY_ACCOUNT, self.status.id, self.asker.id)
        if boost is None:
            return ()
        return (
            ReleaseBoost(
                actor=self.asker,
                uri=boost.uri,
                boost=boost,
                boosted=self.status,
                author=self.actor,
            ),
        )


@dataclass(frozen=True, kw_only=True)
class RefuseLeave(_LeaveAnswer):
    """The author does not consent: a favourite or boost ends; a reply stays here, untold."""

    type: ClassVar[str] = "Reject"

    async def store(self, ctx: Context, tx: Transaction) -> bool:
        if self.asked.kind == "reply":
            return self.asked.authorization_uri is None
        interaction = await self._interaction(tx)
        return interaction is not None and await interaction.undo(ctx, tx)


async def read_leave(incoming: Incoming) -> Act | None:
    """Make the act of a peer's Accept or Reject of a request of ours; None for an answer to
    something else."""
    db, activity = incoming.ctx.db, incoming.activity
    asked = await db.one(INTERACTION_REQUEST, incoming.object_id, incoming.actor.id)
    if asked is None:
        return None
    asker = await db.one(ACCOUNT_BY_ID, asked.account_id)
    status = await db.one(STATUS_BY_ID, asked.status_id)
    if asker is None or status is None:
        return None
    if activity.type == "Reject":
        return RefuseLeave(
            actor=incoming.actor, uri=incoming.uri, asked=asked, asker=asker, status=status
        )
    if activity.result is None or not same_origin(activity.result, incoming.actor.uri):
        raise Refused("the Accept names no authorization of its actor's origin")
    return GiveLeave(
        actor=incoming.actor,
        uri=incoming.uri,
        asked=asked,
        asker=asker,
        status=status,
        authorization_uri=activity.result,
    )

"""What every act answers. One module beside this one for each activity type.

An act is made at an edge, from rows: for a client's request in `mastodon`, for a peer's activity
by the `read` function beside the act. From there on both go the same way, through `perform`.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from activitypub.model import Activity
from fedserver.context import Context
from storage.accounts import AccountRow
from storage.database import Transaction


@dataclass(frozen=True, slots=True)
class Notice:
    """Tell `account_id` (if it is a person here) that the act's actor did `type`, to a status or to
    something else."""

    account_id: int
    type: str
    status_id: int | None = None
    subject_id: int | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who an act of ours is sent to: inboxes of these accounts, and of an account's followers.

    `relayed`: relays are among them, and pass it on under a signature of their own.
    """

    accounts: tuple[AccountRow, ...] = ()
    followers_of: int | None = None
    inboxes: tuple[str, ...] = ()
    relayed: bool = False


NOBODY = Audience()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The activity that tells of an act, and how it is kept.

    `listed`: shown in the outbox collection. `status_id`: who may see that status may read the
    activity; None: only those it is addressed to.
    """

    activity: Activity
    listed: bool = False
    status_id: int | None = None


def told(act: "Act", about: str, whom: AccountRow) -> Outgoing | None:
    """Give the activity that tells `whom` alone of an act upon the object `about`; None where they
    are here and see it by themselves."""
    if whom.local:
        return None
    activity = Activity(
        id=act.uri, type=act.type, actor=act.actor.uri, object=about, to=(whom.uri,)
    )
    return Outgoing(activity)


@dataclass(frozen=True, kw_only=True)
class Act(ABC):
    """Something an actor does. `uri` is the id of its activity."""

    type: ClassVar[str]

    actor: AccountRow
    uri: str = field(default="")

    async def allow(  # noqa: B027 - most acts are everybody's to do
        self, ctx: Context, tx: Transaction
    ) -> None:
        """Raise Refused (or NotFound, where its very existence is hidden) if it may not be."""

    @abstractmethod
    async def store(self, ctx: Context, tx: Transaction) -> bool:
        """Change the rows. False: it was already so, and nothing else happens."""

    def notices(self) -> Sequence[Notice]:
        """Give who is told of it."""
        return ()

    async def audience(self, ctx: Context, tx: Transaction) -> Audience:
        """Give who it is sent to, when its actor is ours."""
        return NOBODY

    async def outgoing(self, ctx: Context, tx: Transaction) -> Outgoing | None:
        """Give the activity to send, when its actor is ours; None for what stays here."""
        return None

    async def consequences(self, ctx: Context, tx: Transaction) -> "Sequence[Act]":
        """Give the acts that follow from this one at once, in the same transaction."""
        return ()


class Undoable(Act):
    """An act that its actor can take back."""

    @abstractmethod
    async def undo(self, ctx: Context, tx: Transaction) -> bool:
        """Take the rows back. False: it was not so."""

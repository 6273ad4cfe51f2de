"""A peer's verified activity, and the ways from its ids to our rows."""

from dataclasses import dataclass

from activitypub.model import Activity
from fedserver.context import Context
from fedserver.effects.outcomes import Ignored
from fedserver.services.fetch import Budget
from fedserver.services.recovery_pins import Word
from storage.accounts import ACCOUNT_BY_URI, AccountRow
from storage.statuses import STATUS_BY_URI, StatusRow


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a `read` function makes an act of. `budget` bounds what it may fetch."""

    ctx: Context
    activity: Activity
    actor: AccountRow
    budget: Budget
    # Where the person themself says it, by their recovery key (effects/persons_word.py).
    word: Word | None = None

    @property
    def uri(self) -> str:
        """The activity's id; `trust.authenticate` let none pass without one."""
        return self.activity.id or ""

    @property
    def object_id(self) -> str:
        """The id of the object. Raises Ignored without one."""
        if self.activity.object_id is None:
            raise Ignored("the activity names no object")
        return self.activity.object_id

    async def local_account(self, uri: str | None) -> AccountRow:
        """Give one of our people. Raises Ignored for anything else."""
        row = await self.ctx.db.one(ACCOUNT_BY_URI, uri or "")
        if row is None or not row.local:
            raise Ignored("it concerns nobody here")
        return row

    async def known_status(self, uri: str | None) -> StatusRow:
        """Give a status that we have. Raises Ignored otherwise."""
        row = await self.ctx.db.one(STATUS_BY_URI, uri or "")
        if row is None:
            raise Ignored("it is about a status that is not known here")
        return row

"""Whether an actor may act on a status: the one predicate, asked inside the transaction."""

from fedserver.errors import Forbidden, NotFound
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.statuses import STATUS_VISIBLE, StatusRow


async def require_visible(tx: Transaction, status: StatusRow, actor: AccountRow) -> None:
    """Raise NotFound unless `actor` may see `status`: hidden and missing look the same."""
    if not await tx.value(STATUS_VISIBLE, status.id, actor.id):
        raise NotFound("Record not found")


def require_here(actor: AccountRow) -> None:
    """Raise Forbidden for one of our people who moved away: what they say comes from there now."""
    if actor.local and actor.moved_to_id is not None:
        raise Forbidden("This account has moved: post and follow from the new one")

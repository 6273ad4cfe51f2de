"""Whether an actor may act on a status: the one predicate, asked inside the transaction."""

from fedserver.errors import NotFound
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.statuses import STATUS_VISIBLE, StatusRow


async def require_visible(tx: Transaction, status: StatusRow, actor: AccountRow) -> None:
    """Raise NotFound unless `actor` may see `status`: hidden and missing look the same."""
    if not await tx.value(STATUS_VISIBLE, status.id, actor.id):
        raise NotFound("Record not found")

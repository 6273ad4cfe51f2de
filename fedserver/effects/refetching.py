"""What somebody brought of another without proof is read from its own origin, and counts as it is
there (ActivityPub §7.1.2, FEP-fe34)."""

from activitypub.hearsay import Hearsay
from activitypub.model import Activity, Object
from activitypub.parse import parse_object
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.bringing import status_of_object
from fedserver.effects.create import Create
from fedserver.effects.delete import DeleteStatus
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.update import read_update
from fedserver.errors import Gone, Refused
from fedserver.services import fetch, resolve
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow
from storage.statuses import STATUS_BY_URI, TOMBSTONED, StatusRow


async def read_hearsay_act(ctx: Context, hearsay: Hearsay, budget: Budget) -> Act:
    """Make the act that the origin of the object confirms.

    Raises Ignored or Refused where it does not, and an error of `services.fetch` where it cannot
    be asked.
    """
    actor = await resolve.account(ctx, hearsay.actor, budget)
    if actor.gone:
        raise Refused("its actor is suspended or deleted here")
    known = await ctx.db.one(STATUS_BY_URI, hearsay.object_id)
    if known is not None and known.account_id != actor.id:
        raise Refused("only its author may change a status")
    try:
        found = parse_object(await fetch.document(ctx, hearsay.object_id, budget))
    except Gone:
        return _deletion(hearsay, actor, known)
    if hearsay.type == "Delete":
        raise Ignored("its origin still has it")
    if actor.uri not in found.attributed_to:
        raise Refused("its origin names another author")
    if known is not None:
        if not found.updated or (known.edited_at and found.updated <= known.edited_at):
            raise Ignored("it is known here as its origin has it")
        return await read_update(Incoming(ctx, _activity(hearsay, found), actor, budget))
    return await _creation(ctx, hearsay, actor, found, budget)


def _deletion(hearsay: Hearsay, actor: AccountRow, known: StatusRow | None) -> Act:
    if known is None:
        raise Ignored("its origin does not have it")
    if known.visibility not in ("public", "unlisted"):
        # To us, a private post looks the same whether it is deleted or only not for us.
        raise Ignored("its origin does not say whether it is deleted")
    return DeleteStatus(actor=actor, uri=hearsay.activity_id, status=known)


async def _creation(
    ctx: Context, hearsay: Hearsay, actor: AccountRow, found: Object, budget: Budget
) -> Act:
    if await ctx.db.value(TOMBSTONED, [hearsay.activity_id, found.id], actor.id):
        raise Ignored("it was deleted or taken back before")
    status = await status_of_object(ctx, found, actor, budget)
    if status.parent is None:
        raise Ignored("it answers nothing that is known here")
    return Create(actor=actor, uri=hearsay.activity_id, status=status)


def _activity(hearsay: Hearsay, found: Object) -> Activity:
    return Activity(type=hearsay.type, id=hearsay.activity_id, actor=hearsay.actor, object=found)

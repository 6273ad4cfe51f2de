"""The one way in which an act changes the world: one transaction, signals after its commit."""

from urllib.parse import urlsplit

from activitypub.addressing import is_public
from activitypub.build import to_document
from activitypub.json_bytes import dumps
from activitypub.model import Activity, Object
from activitypub.origins import same_origin
from fedserver.context import Context
from fedserver.effects.acts import Act, Audience, Notice, Outgoing
from fedserver.effects.former_voice import in_former_voice
from fedserver.ids import parse_id
from fedserver.services import proving
from storage.accounts import AccountRow
from storage.database import Transaction
from storage.deliveries import INSERT_DELIVERIES
from storage.notifying import NOTIFY
from storage.outbox import INSERT_ACTIVITY
from storage.relations import FOLLOWERS_INBOXES
from storage.replays import SHARE_POSTING


async def perform(ctx: Context, act: Act) -> bool:
    """Do `act` in a transaction of its own. False: it was already so.

    Raises Refused, NotFound or Invalid where it may not be done; nothing has changed then.
    """
    async with ctx.db.transaction() as tx:
        return await perform_in(ctx, tx, act)


async def perform_in(ctx: Context, tx: Transaction, act: Act) -> bool:
    """Do `act` inside `tx`: allow, store, tell people here, send to peers, then what follows."""
    await act.allow(ctx, tx)
    if not await act.store(ctx, tx):
        return False
    await _notify(ctx, tx, act)
    if act.actor.local:
        await _send(ctx, tx, act)
    for consequence in await act.consequences(ctx, tx):
        await perform_in(ctx, tx, consequence)
    return True


async def _notify(ctx: Context, tx: Transaction, act: Act) -> None:
    alike: dict[tuple[int | None, int | None], list[Notice]] = {}
    for notice in act.notices():
        alike.setdefault((notice.status_id, notice.subject_id), []).append(notice)
    for (status_id, subject_id), notices in alike.items():
        await tx.execute(
            NOTIFY,
            [ctx.ids.new() for _ in notices],
            [notice.account_id for notice in notices],
            [notice.type for notice in notices],
            act.actor.id,
            status_id,
            ctx.clock.now(),
            subject_id,
        )


async def _send(ctx: Context, tx: Transaction, act: Act) -> None:
    outgoing = await act.outgoing(ctx, tx)
    if outgoing is None:
        return
    audience = await act.audience(ctx, tx)
    named = _named_inboxes(audience)
    activity_id = await _keep(ctx, tx, act.actor, outgoing, audience, named)
    inboxes = set(named)
    if audience.followers_of is not None:
        inboxes.update(await tx.values(FOLLOWERS_INBOXES, audience.followers_of))
    hosts = {inbox: urlsplit(inbox).netloc.lower() for inbox in sorted(inboxes)}
    wanted = [inbox for inbox, host in hosts.items() if not ctx.domains.refuses(host)]
    if wanted:
        await tx.execute(SHARE_POSTING)
        await tx.execute(
            INSERT_DELIVERIES, activity_id, wanted, [hosts[one] for one in wanted], ctx.clock.now()
        )


async def _keep(
    ctx: Context,
    tx: Transaction,
    actor: AccountRow,
    outgoing: Outgoing,
    audience: Audience,
    named: list[str],
) -> int:
    activity = outgoing.activity
    document = to_document(activity)
    former = await in_former_voice(ctx, tx, actor, document)
    if former is not None:
        document = former
    elif any(map(is_public, (*activity.to, *activity.cc))):
        passed_on = audience.relayed or _is_passed_on(ctx, activity)
        document = await proving.prove(ctx, tx, actor, document, passed_on=passed_on)
    activity_id = _local_id(activity.id or "") or ctx.ids.new()
    await tx.execute(
        INSERT_ACTIVITY,
        activity_id,
        document["id"],
        actor.id,
        activity.type,
        dumps(document),
        outgoing.listed,
        outgoing.status_id,
        ctx.clock.now(),
        audience.followers_of is not None,
        named,
    )
    return activity_id


def _is_passed_on(ctx: Context, activity: Activity) -> bool:
    """Mastodon passes answers to its people's posts on to their followers, and all deletions."""
    if activity.type == "Delete":
        return True
    answered = activity.object.in_reply_to if isinstance(activity.object, Object) else None
    return answered is not None and not same_origin(answered, ctx.config.base_url)


def _local_id(uri: str) -> int | None:
    """The number in `…/activities/ID`; other activities (of a status) get a number of their own."""
    _, found, number = uri.rpartition("/activities/")
    return parse_id(number) if found else None


def _named_inboxes(audience: Audience) -> list[str]:
    """Give the inboxes beside those of followers."""
    inboxes = set(audience.inboxes)
    for one in _remote(audience.accounts):
        shared = one.shared_inbox_url if audience.followers_of is not None else None
        inboxes.add(shared or one.inbox_url)
    return sorted(inboxes)


def _remote(accounts: tuple[AccountRow, ...]) -> list[AccountRow]:
    return [one for one in accounts if not one.local and not one.gone]

"""What an account says on its way: the documents, and the keys that sign them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from activitypub.build import to_document
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.services import signing
from fedserver.services.signing import SigningKey
from fedserver.survival.evacuation import dialects
from fedserver.survival.evacuation.dialects import OLD_SAYS, Dialect, Family, Step
from fedserver.survival.evacuation.planning import FOLLOW, activity_prefix
from storage.accounts import ACCOUNT_BY_ID, KEYS_OF_ACCOUNT, KEYS_OF_IDENTITY
from storage.evacuations import EvacuationRow, MessageRow


@dataclass(frozen=True, slots=True)
class Speaker:
    """An account as it was, and as it is: its two documents, and the key of each."""

    old: dict[str, Any]
    new: dict[str, Any]
    old_key: SigningKey
    new_key: SigningKey
    handle: str


@dataclass(frozen=True, slots=True)
class Said:
    """An activity, and who signs the request that brings it."""

    document: dict[str, Any]
    key: SigningKey


async def speaker(ctx: Context, evacuation: EvacuationRow, account_id: int) -> Speaker:
    """Give both sides of an account. Raises NotFound where one of them has no key here."""
    account = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if account is None or account.gone:
        raise NotFound("the account is gone")
    old_host = evacuation.old_base.partition("://")[2]
    old_uri = documents.rebased(account.uri, evacuation.new_base, evacuation.old_base)
    old_key = await signing.former_key(ctx, account.id, old_host)
    if old_key is None:
        raise NotFound("the account has no key of the old domain")
    old = documents.former_actor(
        ctx, account, evacuation.old_base, await ctx.db.fetch(KEYS_OF_IDENTITY, old_uri)
    )
    new = documents.actor(ctx, account, await ctx.db.fetch(KEYS_OF_ACCOUNT, account.id))
    old_document = to_document(old)
    old_document.pop("movedTo", None)  # each step says by itself whether it is in there
    return Speaker(
        old=old_document,
        new=to_document(new),
        old_key=old_key,
        new_key=await signing.signing_key(ctx, account.id),
        handle=f"@{account.username}@{evacuation.new_base.partition('://')[2]}",
    )


def words(
    evacuation: EvacuationRow, dialect: Dialect, message: MessageRow, who: Speaker, now: datetime
) -> Said:
    """Give what a message says, in the dialect of its peer.

    The time of a farewell is that of the switch, so that it is the same whenever it is sent.
    """
    by_old = message.step != FOLLOW and Step(message.step) in OLD_SAYS
    base = evacuation.old_base if by_old else evacuation.new_base
    activity_id = f"{activity_prefix(base, evacuation.epoch)}{message.id}"
    if message.step == FOLLOW:
        document = dialects.follow(activity_id, who.new, message.target_uri or "")
    else:
        document = _words(activity_id, Step(message.step), dialect, who, now)
    return Said(document, who.old_key if by_old else who.new_key)


def _words(
    activity_id: str, step: Step, dialect: Dialect, who: Speaker, now: datetime
) -> dict[str, Any]:
    target = who.new["id"]
    match step:
        case Step.HELLO:
            return dialects.hello(activity_id, who.new)
        case Step.MOVE_AGAIN if dialect.family is Family.MISSKEY:
            return dialects.moved_to(activity_id, who.old, target)
        case Step.MOVE | Step.MOVE_AGAIN:
            return dialects.move(activity_id, who.old, target, embeds_origin=dialect.embeds_origin)
        case Step.MOVED_TO:
            return dialects.moved_to(activity_id, who.old, target)
        case Step.REPOINT | Step.REPOINT_LATE:
            return dialects.repoint(
                activity_id,
                who.old,
                inbox=who.new["inbox"],
                shared_inbox=who.new.get("endpoints", {}).get("sharedInbox"),
                target=target if step is Step.REPOINT_LATE else None,
            )
        case Step.FAREWELL:
            return dialects.farewell(activity_id, who.old, who.new, handle=who.handle, now=now)

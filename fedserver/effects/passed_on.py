"""What a group passes on: an Announce of an activity of its members (FEP-1b12).

The group vouches for nothing but what lives on its own origin. Posts are read, and found gone, at
their origin; other activities count as their own id has them. What cannot be proved is ignored.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from activitypub.model import Activity, Object
from activitypub.origins import same_origin
from activitypub.parse import parse_activity, parse_object
from activitypub.parse.types import Family, type_of
from activitypub.trust import authenticate
from fedserver.context import Context
from fedserver.effects.acts import Act
from fedserver.effects.announce import Announce
from fedserver.effects.bringing import status_of_object, store_object
from fedserver.effects.delete import DeleteStatus
from fedserver.effects.incoming import Incoming
from fedserver.effects.outcomes import Ignored
from fedserver.effects.react import React, read_like
from fedserver.effects.undo import Undo
from fedserver.effects.update import UpdateStatus
from fedserver.errors import Gone, Refused
from fedserver.services import fetch, resolve
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.relations import FOLLOWED_HERE
from storage.statuses import STATUS_BY_URI, TOMBSTONED, StatusRow


async def read_announce(incoming: Incoming) -> Act:
    """Make the act of a peer's Announce: a boost, or what a group passes on."""
    enclosed = await _enclosed(incoming) if incoming.actor.actor_type == "Group" else None
    if enclosed is None:
        return await Announce.read(incoming)
    reader = _READERS.get(enclosed.type)
    if reader is None:
        raise Ignored(f"a {enclosed.type} that a group passes on means nothing here")
    return await reader(incoming, enclosed)


async def _enclosed(incoming: Incoming) -> Activity | None:
    """Give what is announced if it is an activity. It is only a claim."""
    given = (incoming.activity.raw or {}).get("object")
    given = given[0] if isinstance(given, list) and given else given
    if isinstance(given, dict) and "type" in given:
        return parse_activity(given) if type_of(given)[1] is Family.ACTIVITY else None
    return await _enclosed_by_id(incoming)


async def _enclosed_by_id(incoming: Incoming) -> Activity | None:
    """An id alone does not tell a post from an activity; what is a post is stored by the way."""
    ctx, uri = incoming.ctx, incoming.object_id
    if await ctx.db.one(STATUS_BY_URI, uri) is not None or same_origin(uri, ctx.config.base_url):
        return None
    if not await ctx.db.value(FOLLOWED_HERE, incoming.actor.id):
        raise Ignored("nobody here follows its actor")
    fetched = await fetch.document(ctx, uri, incoming.budget)
    if type_of(fetched)[1] is Family.ACTIVITY:
        return parse_activity(fetched)
    await store_object(ctx, parse_object(fetched), incoming.budget)
    return None


async def _boost(incoming: Incoming, enclosed: Activity) -> Act:
    """A new post in the group shows as the group's boost of it."""
    if enclosed.object_id is None:
        raise Ignored("it creates nothing that has an id")
    return await Announce.of(incoming, enclosed.object_id)


async def _reread(incoming: Incoming, enclosed: Activity) -> Act:
    """An edit: the post is read anew where it lives."""
    status, author = await _post(incoming, enclosed)
    ctx, budget = incoming.ctx, incoming.budget
    found = parse_object(await fetch.document(ctx, status.uri, budget))
    if author.uri not in found.attributed_to:
        raise Refused("the post has another author now")
    edited = _is_newer(found, status)
    if found.updated is not None and not edited:
        raise Ignored("this edit is known already")
    changed = await status_of_object(ctx, found, author, budget)
    return UpdateStatus(
        actor=author,
        uri=incoming.uri,
        status=status,
        changed=changed,
        edited=edited,
        edited_at=found.updated,
    )


def _is_newer(found: Object, status: StatusRow) -> bool:
    return found.updated is not None and found.updated > (status.edited_at or status.created_at)


async def _delete(incoming: Incoming, enclosed: Activity) -> Act:
    """A deletion, by the author or a moderator, counts when the post's origin has it no more."""
    status, author = await _post(incoming, enclosed)
    try:
        found = await fetch.document(incoming.ctx, status.uri, incoming.budget)
    except Gone:
        return DeleteStatus(actor=author, uri=incoming.uri, status=status)
    if type_of(found)[1] is Family.TOMBSTONE:
        return DeleteStatus(actor=author, uri=incoming.uri, status=status)
    raise Ignored("the post is still at its origin")


async def _post(incoming: Incoming, enclosed: Activity) -> tuple[StatusRow, AccountRow]:
    """Give the peer's post that an activity is about, and its author."""
    status = await incoming.known_status(enclosed.object_id)
    author = await incoming.ctx.db.one(ACCOUNT_BY_ID, status.account_id)
    if author is None or author.local or status.reblog_of_id is not None:
        raise Ignored("it is about no post of a peer")
    return status, author


async def _react(incoming: Incoming, enclosed: Activity) -> Act:
    await incoming.known_status(enclosed.object_id)
    return await _as_proved(incoming, enclosed)


async def _undo(incoming: Incoming, enclosed: Activity) -> Act:
    if not isinstance(enclosed.object, Activity):
        raise Ignored("it does not tell what it takes back")
    await incoming.known_status(enclosed.object.object_id)
    return await _as_proved(incoming, enclosed)


async def _as_proved(incoming: Incoming, enclosed: Activity) -> Act:
    """Make the act of the member, from what its own origin says of it."""
    activity = await _proved(incoming, enclosed)
    member = await resolve.account(incoming.ctx, activity.actor or "", incoming.budget)
    await _require_alive(incoming.ctx, member, activity)
    reader = _PROVED_READERS.get(activity.type)
    if reader is None:
        raise Ignored("it is another activity at its origin")
    return await reader(replace(incoming, activity=activity, actor=member))


async def _proved(incoming: Incoming, enclosed: Activity) -> Activity:
    ctx, uri = incoming.ctx, enclosed.id
    if uri is None or same_origin(uri, ctx.config.base_url):
        raise Ignored("it has no id, or is of somebody here")
    if not same_origin(uri, incoming.actor.uri):
        enclosed = parse_activity(await fetch.document(ctx, uri, incoming.budget))
    if enclosed.actor is None:
        raise Ignored("it names no actor")
    return authenticate(enclosed, enclosed.actor).activity


async def _require_alive(ctx: Context, member: AccountRow, activity: Activity) -> None:
    if member.gone:
        raise Refused("its actor is suspended or deleted here")
    dead = [uri for uri in (activity.id, activity.object_id) if uri]
    if await ctx.db.value(TOMBSTONED, dead, member.id):
        raise Ignored("it was deleted or taken back before")


_READERS: dict[str, Callable[[Incoming, Activity], Awaitable[Act]]] = {
    "Create": _boost,
    "Delete": _delete,
    "EmojiReact": _react,
    "Like": _react,
    "Undo": _undo,
    "Update": _reread,
}
_PROVED_READERS: dict[str, Callable[[Incoming], Awaitable[Act]]] = {
    "EmojiReact": React.read,
    "Like": read_like,
    "Undo": Undo.read,
}

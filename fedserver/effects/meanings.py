"""Activities that mean several things: what they are about says which."""

from activitypub.model import Activity
from fedserver.effects.acts import Act
from fedserver.effects.delete import read_delete
from fedserver.effects.feature_consent import read_feature_answer, read_feature_revocation
from fedserver.effects.featuring import read_add, read_remove
from fedserver.effects.follow import Accept, Reject
from fedserver.effects.incoming import Incoming
from fedserver.effects.leave_given import read_leave
from fedserver.effects.others_leave import read_leave_revoked, read_others_leave
from fedserver.effects.passed_on import read_announce
from fedserver.effects.peer_collections import (
    read_collection_add,
    read_collection_remove,
    read_collection_update,
)
from fedserver.effects.peer_tags import read_tag_add, read_tag_remove
from fedserver.effects.quote import read_quote_answer, read_revocation
from fedserver.effects.relay import read_relay_answer, read_relayed
from fedserver.effects.update import read_update


async def read_any_accept(incoming: Incoming) -> Act:
    """Make the act of a peer's Accept: of our subscription to a relay, of a request for consent,
    or of a follow."""
    return (
        await read_relay_answer(incoming, "accepted")
        or await _of_request(incoming)
        or await Accept.read(incoming)
    )


async def read_any_reject(incoming: Incoming) -> Act:
    """Make the act of a peer's Reject: of our subscription to a relay, of a request for consent,
    or of a follow."""
    return (
        await read_relay_answer(incoming, "rejected")
        or await _of_request(incoming)
        or await Reject.read(incoming)
    )


async def read_any_announce(incoming: Incoming) -> Act:
    """Make the act of a peer's Announce: what a relay or a group passes on, or a boost."""
    return await read_relayed(incoming) or await read_announce(incoming)


async def read_any_delete(incoming: Incoming) -> Act:
    """Make the act of a peer's Delete: of a consent, a status or its actor."""
    return (
        await read_revocation(incoming)
        or await read_feature_revocation(incoming)
        or await read_leave_revoked(incoming)
        or await read_delete(incoming)
    )


async def read_any_add(incoming: Incoming) -> Act:
    """Make the act of a peer's Add: to its collections of accounts, the hashtags on its profile,
    or its featured posts."""
    return (
        await read_tag_add(incoming)
        or await read_collection_add(incoming)
        or await read_add(incoming)
    )


async def read_any_remove(incoming: Incoming) -> Act:
    """Make the act of a peer's Remove: of or from a collection of accounts, of a hashtag on its
    profile, or of a featured post."""
    return (
        await read_tag_remove(incoming)
        or await read_collection_remove(incoming)
        or await read_remove(incoming)
    )


async def read_any_update(incoming: Incoming) -> Act:
    """Make the act of a peer's Update: of a collection of accounts, a status or its actor."""
    return await read_collection_update(incoming) or await read_update(incoming)


async def _of_request(incoming: Incoming) -> Act | None:
    answered = incoming.activity.object
    if answered is None or (isinstance(answered, Activity) and answered.type == "Follow"):
        return None
    return (
        await read_quote_answer(incoming)
        or await read_feature_answer(incoming)
        or await read_leave(incoming)
        or await read_others_leave(incoming)
    )

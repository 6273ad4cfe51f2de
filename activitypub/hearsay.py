"""What one actor brings of another without proof: a hint where to look, and nothing more.

Servers forward replies to those who follow the thread (ActivityPub §7.1.2). Nothing in such an
activity counts; but its object, fetched from its own id, is what its author says (FEP-fe34).
"""

from dataclasses import dataclass

from activitypub.errors import Untrusted
from activitypub.model import Activity
from activitypub.origins import same_origin

_TYPES = frozenset({"Create", "Update", "Delete"})


@dataclass(frozen=True, slots=True)
class Hearsay:
    """`sender` brought that `actor` created, updated or deleted `object_id`."""

    type: str
    activity_id: str
    actor: str
    object_id: str
    sender: str


def read_hearsay(activity: Activity, sender: str) -> Hearsay:
    """Give what `sender` says that another did.

    Raises Untrusted for the sender's own activities, for other types, and for ids that are not
    all of the actor's origin, or of the sender's: a server has no need to forward to itself.
    """
    actor, object_id = activity.actor, activity.object_id
    if activity.type not in _TYPES or activity.id is None or actor is None or object_id is None:
        raise Untrusted("the actor is not who signed")
    if same_origin(actor, sender):
        raise Untrusted("the actor is not who signed")
    if not same_origin(activity.id, actor) or not same_origin(object_id, actor):
        raise Untrusted("what is forwarded is not all of one origin")
    return Hearsay(activity.type, activity.id, actor, object_id, sender)

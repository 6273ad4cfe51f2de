"""What a relay passes on in another's name, taken as the relay's own word that something is there.

A Mastodon-style relay sends on activities as they came, under its own HTTP signature (FEP-ae0c).
That proves nothing of their content, so nothing of it is kept: what the relay names is read at its
origin, as if the relay had announced it.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from activitypub.origins import is_web_url
from fedserver.context import Context
from storage.relays import IS_RELAY

# What became of the object, in an Announce that we made of a passed-on activity.
BECAME = "becameByRelay"
# Read at the origin also where a proof would let it count as its author's: it is brought because
# the relay brings it, not because somebody here follows the author.
NEWS = frozenset({"Create", "Announce"})
_CHANGES = frozenset({"Update", "Delete"})


async def is_relay(ctx: Context, actor_uri: str) -> bool:
    """Say whether this actor is a relay that has accepted us."""
    return await ctx.db.value(IS_RELAY, actor_uri) is True


def as_announce(document: Mapping[str, Any], relay_uri: str) -> dict[str, Any] | None:
    """Give an Announce by the relay of what `document` is about; None where that is nothing to us.

    Its id is made of the activity's, so that the same news counts once.
    """
    kind, about = document.get("type"), document.get("object")
    object_id = about.get("id") if isinstance(about, dict) else about
    activity_id = document.get("id")
    if kind not in NEWS | _CHANGES or not isinstance(activity_id, str):
        return None
    if not isinstance(object_id, str) or not is_web_url(object_id):
        return None
    digest = hashlib.sha256(activity_id.encode()).hexdigest()[:32]
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{relay_uri.partition('#')[0]}#passed-on-{digest}",
        "type": "Announce",
        "actor": relay_uri,
        "object": object_id,
        **({BECAME: kind} if kind in _CHANGES else {}),
    }

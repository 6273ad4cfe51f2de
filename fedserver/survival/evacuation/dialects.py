"""What each peer software has to be told so that it lets its people follow an account to another
domain, although the old one answers no more.

Pure: documents in, activities out. Everything but the hello is said by the old actor, under ids of
the old domain, and signed with the old key: some peers drop an activity whose id is of another host
than its signer. What each peer makes of it, and how that is known: docs/survival.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from html import escape
from typing import Any, Final

from activitypub.addressing import PUBLIC
from activitypub.contexts.terms import actor_context

Document = dict[str, Any]

# Collections of the old host that a peer would try to read: each costs it a timeout.
_COLLECTIONS: Final = frozenset(
    {"featured", "featuredTags", "featuredCollections", "featured_collections", "streams"}
)


class Family(StrEnum):
    """Peers that behave alike."""

    MASTODON = "mastodon"
    GOTOSOCIAL = "gotosocial"
    PLEROMA = "pleroma"
    MITRA = "mitra"
    FEDIFY = "fedify"
    MISSKEY = "misskey"
    SNAC = "snac"
    TAKAHE = "takahe"
    FEDSERVER = "fedserver"
    UNKNOWN = "unknown"


class Step(StrEnum):
    """One thing that a peer is told. The values are stored."""

    HELLO = "hello"  # the new actor shows itself, so that the peer knows it
    REPOINT = "repoint"  # what is for the old actor goes to the new host's inbox
    MOVE = "move"
    MOVED_TO = "moved_to"  # the old actor's profile says where it went
    MOVE_AGAIN = "move_again"  # if not all came: the new host may have been too busy to be read
    REPOINT_LATE = "repoint_late"  # as REPOINT, where that would stand in the way of the Move
    FAREWELL = "farewell"  # a post that people read


# The old actor says these; the hello is the new one's.
OLD_SAYS: Final = frozenset(Step) - {Step.HELLO}
# Only said where nobody came after what was said before.
IF_NOBODY_CAME: Final = frozenset({Step.MOVE_AGAIN})


@dataclass(frozen=True, slots=True)
class Dialect:
    """How peers of a family are spoken to: `steps` in their order.

    `embeds_origin`: the Move holds the old actor itself, which would else be fetched from the dead
    host. `per_follower`: there is no shared inbox, or what comes to it moves only whom it names.
    `farewell_always`: the post is sent even where followers came.
    """

    family: Family
    steps: tuple[Step, ...]
    embeds_origin: bool = False
    per_follower: bool = False
    farewell_always: bool = False


_MOVE = (Step.HELLO, Step.MOVE, Step.MOVED_TO, Step.MOVE_AGAIN, Step.FAREWELL)

_DIALECTS: Final = {
    Family.MASTODON: Dialect(
        Family.MASTODON, (Step.HELLO, Step.REPOINT, Step.MOVE, Step.MOVE_AGAIN, Step.FAREWELL)
    ),
    Family.GOTOSOCIAL: Dialect(
        Family.GOTOSOCIAL,
        # The Update makes it ask the dead host for minutes, so the Move goes first.
        (Step.HELLO, Step.MOVE, Step.MOVE_AGAIN, Step.REPOINT_LATE, Step.FAREWELL),
        per_follower=True,
    ),
    Family.PLEROMA: Dialect(Family.PLEROMA, _MOVE),
    Family.MITRA: Dialect(Family.MITRA, _MOVE, per_follower=True),
    Family.FEDIFY: Dialect(
        Family.FEDIFY,
        (Step.HELLO, Step.REPOINT, *_MOVE[1:]),
        embeds_origin=True,
    ),
    # Its Update with movedTo is the move; every other URL has to stay on the old domain.
    Family.MISSKEY: Dialect(
        Family.MISSKEY, (Step.HELLO, Step.MOVED_TO, Step.MOVE_AGAIN, Step.FAREWELL)
    ),
    Family.SNAC: Dialect(
        Family.SNAC, (Step.HELLO, Step.MOVE, Step.MOVE_AGAIN, Step.FAREWELL), per_follower=True
    ),
    Family.TAKAHE: Dialect(Family.TAKAHE, (Step.HELLO, Step.FAREWELL), farewell_always=True),
    Family.FEDSERVER: Dialect(Family.FEDSERVER, (Step.HELLO, Step.REPOINT, *_MOVE[1:])),
    Family.UNKNOWN: Dialect(Family.UNKNOWN, _MOVE, farewell_always=True),
}

_FAMILIES: Final = {
    name: family
    for family, names in {
        Family.MASTODON: "mastodon hometown ecko kmyblue fedibird glitchcafe",
        Family.GOTOSOCIAL: "gotosocial",
        Family.PLEROMA: "pleroma akkoma soapbox rebased",
        Family.MITRA: "mitra",
        Family.FEDIFY: "hollo fedify botkit hackerspub hackers-pub ghost fedify-example",
        Family.MISSKEY: (
            "misskey sharkey firefish calckey iceshrimp foundkey cherrypick catodon magnetar"
        ),
        Family.SNAC: "snac snac2",
        Family.TAKAHE: "takahe",
        Family.FEDSERVER: "fedserver",
    }.items()
    for name in names.split()
}


def dialect_of(software: str | None) -> Dialect:
    """Give how to speak to a peer whose NodeInfo calls its software so; None: it never said."""
    return _DIALECTS[_FAMILIES.get((software or "").lower(), Family.UNKNOWN)]


def hello(activity_id: str, new: Mapping[str, Any]) -> Document:
    """Give the Update of the new actor by itself. `new` names the old one in `alsoKnownAs`."""
    return _activity(activity_id, "Update", new, _embedded(new), to=[PUBLIC])


def follow(activity_id: str, new: Mapping[str, Any], target: str) -> Document:
    """Give the Follow of the new actor, of somebody whom the old one followed."""
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": activity_id,
        "type": "Follow",
        "actor": new["id"],
        "object": target,
        "to": [target],
    }


def move(
    activity_id: str, old: Mapping[str, Any], target: str, *, embeds_origin: bool = False
) -> Document:
    """Give the Move of the old actor to `target` (FEP-7628).

    A peer that would fetch the old actor gets it with the Move, and believes it there because the
    activity's id is of the same origin (FEP-fe34). All others want an id as a string.
    """
    moved = moved_profile(old, target) if embeds_origin else old["id"]
    to = [old["followers"]] if old.get("followers") else [PUBLIC]
    return {**_activity(activity_id, "Move", old, moved, to=to), "target": target}


def moved_to(activity_id: str, old: Mapping[str, Any], target: str) -> Document:
    """Give the Update that names the new account in the old profile, all of whose addresses stay
    where they were (Misskey compares their hosts)."""
    return _activity(activity_id, "Update", old, moved_profile(old, target), to=[PUBLIC])


def repoint(
    activity_id: str,
    old: Mapping[str, Any],
    *,
    inbox: str,
    shared_inbox: str | None,
    target: str | None = None,
) -> Document:
    """Give the Update after which a peer delivers to the new host what is for the old actor.

    `target` where the Move went before: a profile that names it no more would undo it.
    """
    profile = moved_profile(old, target) if target else _without_collections(old)
    profile["inbox"] = inbox
    if shared_inbox:
        profile["endpoints"] = {**profile.get("endpoints", {}), "sharedInbox": shared_inbox}
    else:
        profile.pop("endpoints", None)
    return _activity(activity_id, "Update", old, profile, to=[PUBLIC])


def farewell(
    activity_id: str, old: Mapping[str, Any], new: Mapping[str, Any], *, handle: str, now: datetime
) -> Document:
    """Give the Create of the old actor's last post: where to find `handle` (`@name@domain`).

    For followers only: what is no news to others need not be found by them.
    """
    published = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    address = escape(str(new.get("url") or new["id"]), quote=True)
    followers = old.get("followers") or PUBLIC
    note = {
        "id": f"{activity_id}/note",
        "type": "Note",
        "attributedTo": old["id"],
        "content": (
            "<p>The domain of this account is lost. I go on as "
            f'<a href="{address}">{escape(handle)}</a>: please follow me there.</p>'
        ),
        "published": published,
        "to": [followers],
        "cc": [],
    }
    activity = _activity(activity_id, "Create", old, note, to=[followers])
    return {**activity, "published": published}


def moved_profile(old: Mapping[str, Any], target: str) -> Document:
    """Give the old actor as it is after the move."""
    return {**_without_collections(old), "movedTo": target}


def _without_collections(actor: Mapping[str, Any]) -> Document:
    return {name: value for name, value in _embedded(actor).items() if name not in _COLLECTIONS}


def _embedded(actor: Mapping[str, Any]) -> Document:
    return {name: value for name, value in actor.items() if name not in ("@context", "proof")}


def _activity(
    activity_id: str,
    kind: str,
    actor: Mapping[str, Any],
    subject: Document | str,
    *,
    to: list[str],
) -> Document:
    return {
        # The terms of the actor: it, or some of it, is inside.
        "@context": actor.get("@context") or actor_context(multikeys=True),
        "id": activity_id,
        "type": kind,
        "actor": actor["id"],
        "object": subject,
        "to": to,
    }

"""Who may say what: the origin rules of FEP-fe34, and what a fetch or a key proves.

Nothing that a peer says is acted upon before it went through here. `authenticate` is the only
maker of `Verified`, so a function that takes one cannot be called with an unchecked activity.
"""

from collections.abc import Mapping
from dataclasses import InitVar, dataclass, replace
from enum import Enum
from typing import Any, TypeAlias

from activitypub.addressing import is_public
from activitypub.confusion import refuse_confusing
from activitypub.errors import Untrusted
from activitypub.model import Activity, Actor, ActorKey, Object, Tombstone
from activitypub.origins import is_web_url, same_origin, same_url

__all__ = [
    "Fetched",
    "Refetch",
    "Verified",
    "authenticate",
    "check_fetched",
    "check_key_owner",
    "refuse_confusing",
]

_TOKEN = object()
_AS_PROFILES = frozenset(
    f"{scheme}://www.w3.org/ns/activitystreams{end}"
    for scheme in ("https", "http")
    for end in ("", "#")
)
_ANSWERS = frozenset({"Accept", "Reject", "TentativeAccept", "TentativeReject"})


@dataclass(frozen=True, slots=True)
class Verified:
    """An activity of which it is known that `signer` said it, cut to what `signer` may say.

    `refetch` names the embedded documents that were reduced to their ids because the signer
    has no authority over them: whoever wants their content fetches it at their origin. Only
    `activity` is checked; `activity.raw` still holds every claim as it came.
    """

    activity: Activity
    signer: str
    refetch: tuple[str, ...] = ()
    made_by: InitVar[object] = None

    def __post_init__(self, made_by: object) -> None:
        if made_by is not _TOKEN:
            raise TypeError("Verified is made by authenticate() only")

    @property
    def document(self) -> Mapping[str, Any]:
        """The document as it came, to be stored; its embedded parts are not checked."""
        return self.activity.raw or {}


class Fetched(Enum):
    """The answer of `check_fetched` for a document that may be read."""

    VALID = "valid"


@dataclass(frozen=True, slots=True)
class Refetch:
    """The document may be true, but only what is served at its own `id` proves it."""

    id: str


_Subject: TypeAlias = "tuple[Activity, tuple[str, ...]]"


def authenticate(activity: Activity, signer_uri: str) -> Verified:
    """Return the part of `activity` that the actor `signer_uri` has authority over.

    `signer_uri` is the owner of the key that signed the request or the integrity proof. Raises
    Untrusted if the activity has no id, is not the signer's, or acts upon what is not theirs
    (FEP-fe34; ActivityPub §7.3 for Update, §7.4 for Delete).
    """
    if activity.id is None:
        raise Untrusted("activity has no id")
    if activity.actor != signer_uri:
        raise Untrusted("the actor is not who signed")
    if not same_origin(activity.id, signer_uri):
        raise Untrusted("the activity's id is of another origin than its actor")
    checked, refetch = _check_object(activity, signer_uri)
    if not _is_own(checked.enclosed, signer_uri):
        checked = replace(checked, enclosed=None)
    return Verified(checked, signer_uri, refetch, made_by=_TOKEN)


def _check_object(activity: Activity, signer: str) -> _Subject:
    if activity.type in _ANSWERS:
        return _check_answer(activity, signer), ()
    match activity.type:
        case "Create":
            return _own_or_id(activity, signer)
        case "Update":
            return _check_update(activity, signer)
        case "Delete":
            return _check_delete(activity, signer), ()
        case "Undo":
            return _check_undo(activity, signer), ()
        case "Move":
            return _check_move(activity, signer), ()
        case "Announce":
            return _own_or_id(activity, signer)
        case _:
            return _with_id_only(activity), ()


def _own_or_id(activity: Activity, signer: str) -> _Subject:
    """Keep an embedded object that the signer wrote; reduce anything else to its id."""
    value = activity.object
    if value is None or isinstance(value, str) or _is_written_by(value, signer):
        return activity, ()
    reduced = _with_id_only(activity)
    return reduced, () if reduced.object_id is None else (reduced.object_id,)


def _is_written_by(value: object, signer: str) -> bool:
    return (
        isinstance(value, Object)
        and same_origin(value.id, signer)
        and signer in value.attributed_to
        and all(same_origin(author, signer) for author in value.attributed_to)
    )


def _is_own(value: object, signer: str) -> bool:
    """Whether an instrument is the signer's own: what they wrote, or would like to do."""
    if not isinstance(value, Activity):
        return _is_written_by(value, signer)
    mine = value.id is not None and same_origin(value.id, signer)
    return mine and value.actor in (signer, None)


def _check_update(activity: Activity, signer: str) -> _Subject:
    _require_own_id(activity, signer)
    if isinstance(activity.object, Actor):
        if activity.object.id != signer:
            raise Untrusted("an actor updates another actor")
        return activity, ()
    return _own_or_id(activity, signer)


def _check_delete(activity: Activity, signer: str) -> Activity:
    _require_own_id(activity, signer)
    if isinstance(activity.object, Actor) and activity.object.id != signer:
        raise Untrusted("an actor deletes another actor")
    return activity if isinstance(activity.object, Tombstone) else _with_id_only(activity)


def _check_undo(activity: Activity, signer: str) -> Activity:
    undone = activity.object
    if not isinstance(undone, Activity):
        _require_own_id(activity, signer)
        return _with_id_only(activity)
    if undone.actor is None:  # as activitypub-bot writes it: who undoes is who did
        undone = replace(undone, actor=signer)
    if undone.actor != signer:
        raise Untrusted("an actor undoes what another did")
    if undone.id is not None and not same_origin(undone.id, signer):
        raise Untrusted("the undone activity is of another origin")
    return replace(activity, object=_with_id_only(undone))


def _check_answer(activity: Activity, signer: str) -> Activity:
    """Check what is accepted or rejected: a follow of the signer, or a request for theirs."""
    request = activity.object
    if not isinstance(request, Activity):
        return _with_id_only(activity)
    if request.object_id is None:
        raise Untrusted("the answered request has no object")
    if request.type == "Follow" and is_public(request.object_id):
        return _with_id_only(activity)  # a relay: its answer counts by the id of our Follow only
    if request.type == "Follow" and request.object_id != signer:
        raise Untrusted("an actor answers a follow of another")
    if not same_origin(request.object_id, signer):
        raise Untrusted("the answered request is for something of another origin")
    return replace(activity, object=_with_id_only(request))


def _check_move(activity: Activity, signer: str) -> Activity:
    """Check that the signer moves itself, or is where the account moves to (FEP-7628)."""
    if signer not in {activity.object_id, activity.target}:
        raise Untrusted("an actor moves another actor")
    return _with_id_only(activity)


def _require_own_id(activity: Activity, signer: str) -> None:
    """Refuse unless all that is acted upon has the signer's origin."""
    acted_upon = (activity.object_id, *activity.other_objects)
    if not all(id_ is not None and same_origin(id_, signer) for id_ in acted_upon):
        raise Untrusted(f"{activity.type} of something of another origin")


def _with_id_only(activity: Activity) -> Activity:
    if activity.object is None or isinstance(activity.object, str):
        return activity
    return replace(activity, object=activity.object.id)


def check_fetched(
    document: Mapping[str, Any], *, requested_url: str, final_url: str, content_type: str
) -> Fetched | Refetch:
    """Tell whether a fetched document is what its id says (security rule 2, FEP-fe34).

    `final_url` is where the last redirect led. Valid is a document whose id is the URL it was
    asked from; an id elsewhere on the same origin has to be fetched itself, once. Raises Untrusted
    if the content type is not ActivityPub's (an uploaded file is not a statement of the
    server), or the id is missing or of another origin than `final_url`.
    """
    if not _is_activity_json(content_type):
        raise Untrusted("content type is not that of an ActivityPub document")
    id_ = document.get("id")
    if not isinstance(id_, str) or not is_web_url(id_):
        raise Untrusted("document has no usable id")
    if not same_origin(id_, final_url):
        raise Untrusted("document is of another origin than where it was served")
    served_at = (requested_url, requested_url.partition("#")[0], final_url.partition("#")[0])
    return Fetched.VALID if any(same_url(id_, url) for url in served_at) else Refetch(id_)


def _is_activity_json(content_type: str) -> bool:
    media_type, _, parameters = content_type.partition(";")
    match media_type.strip().lower():
        case "application/activity+json":
            return True
        case "application/ld+json":
            return any(_is_as_profile(one) for one in parameters.split(";"))
        case _:
            return False


def _is_as_profile(parameter: str) -> bool:
    name, _, value = parameter.partition("=")
    profiles = value.strip().strip('"').split()
    return name.strip().lower() == "profile" and not _AS_PROFILES.isdisjoint(profiles)


def check_key_owner(actor: Actor, key_id: str) -> ActorKey:
    """Return the key with exactly this id from its owner's own document.

    The id may have a fragment (Mastodon) or be a path (GoToSocial). Raises Untrusted if the
    actor does not list it, it names another owner, or it is of another origin.
    """
    for key in actor.keys:
        if key.id == key_id:
            if key.owner != actor.id:
                raise Untrusted("the key names another owner")
            if not same_origin(key.id, actor.id):
                raise Untrusted("the key is of another origin than its owner")
            return key
    raise Untrusted("the actor does not list that key")

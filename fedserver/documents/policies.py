"""Who may answer, like and boost a status of ours, in the words of peers (GoToSocial)."""

from collections.abc import Iterable, Mapping, Sequence

from activitypub.addressing import PUBLIC
from activitypub.build import authorization_document
from activitypub.json_bytes import dumps
from activitypub.model import Authorization, Object, Permission
from storage.approvals import GivenRow
from storage.quotes import ConsentRow

_AUTHORIZATIONS = {
    "like": "LikeAuthorization",
    "reply": "ReplyAuthorization",
    "announce": "AnnounceAuthorization",
}


def chosen_permissions(
    note: Object, followers_url: str | None, row: ConsentRow
) -> Mapping[str, Permission]:
    """Give what the author chose, by the kind of act. Authors may do everything, and whom a status
    names or answers may always answer it: it is said, so that third parties know."""
    words = {
        "public": (PUBLIC,),
        "followers": (followers_url or "",),
        "following": (row.following_url or "",),
        "mentioned": tuple(one.href for one in note.mentions),
        "author": note.attributed_to,
    }
    answered = (row.answered_uri,) if row.answered_uri else ()
    always = {"reply": (*words["author"], *words["mentioned"], *answered)}
    chosen = {}
    for kind, rules in (row.interaction_policy or {}).items():
        implied = always.get(kind, words["author"])
        automatic = _ids(rules["automatic"], words)
        chosen[kind] = Permission(
            automatic if PUBLIC in automatic else tuple(dict.fromkeys((*automatic, *implied))),
            _ids(rules["manual"], words),
        )
    return chosen


def _ids(names: Iterable[str], words: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    found = (uri for name in names for uri in words.get(name, (name,)) if uri)
    return tuple(dict.fromkeys(found))


def given_authorization(uri: str, row: GivenRow) -> bytes:
    """Give the authorization that is served at `uri`, as JSON."""
    authorization = Authorization(
        id=uri,
        type=_AUTHORIZATIONS[row.kind],
        attributed_to=row.attributed_to,
        interacting_object=row.interacting_object,
        interaction_target=row.interaction_target,
    )
    return dumps(authorization_document(authorization))

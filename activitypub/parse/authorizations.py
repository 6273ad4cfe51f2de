"""Consents to an interaction (FEP-044f: QuoteAuthorization; GoToSocial: ReplyAuthorization ...)."""

from collections.abc import Mapping
from typing import Any

from activitypub.errors import DocumentError
from activitypub.model import Authorization
from activitypub.parse import scalars
from activitypub.parse.objects import required_id
from activitypub.parse.types import type_of

_APPROVALS = {
    "LikeApproval": "LikeAuthorization",
    "ReplyApproval": "ReplyAuthorization",
    "AnnounceApproval": "AnnounceAuthorization",
}


def parse_authorization(document: Mapping[str, Any]) -> Authorization:
    """Read an authorization; the first ones were approvals, with `object` and `target`.

    Raises DocumentError if a part of it is missing.
    """
    type_ = type_of(document)[0]
    if type_ in _APPROVALS:
        document = {
            **document,
            "interactingObject": document.get("object"),
            "interactionTarget": document.get("target"),
        }
    attributed_to = scalars.reference(document.get("attributedTo"))
    interacting_object = scalars.reference(document.get("interactingObject"))
    interaction_target = scalars.reference(document.get("interactionTarget"))
    if not attributed_to or not interacting_object or not interaction_target:
        raise DocumentError("the authorization does not say whose, of what, or for what it is")
    return Authorization(
        id=required_id(document),
        type=_APPROVALS.get(type_, type_),
        attributed_to=attributed_to,
        interacting_object=interacting_object,
        interaction_target=interaction_target,
    )

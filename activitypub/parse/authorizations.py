"""Consents to an interaction (FEP-044f: QuoteAuthorization; GoToSocial: ReplyAuthorization ...)."""

from collections.abc import Mapping
from typing import Any

from activitypub.errors import DocumentError
from activitypub.model import Authorization
from activitypub.parse import scalars
from activitypub.parse.objects import required_id
from activitypub.parse.types import type_of


def parse_authorization(document: Mapping[str, Any]) -> Authorization:
    """Read an authorization. Raises DocumentError if a part of it is missing."""
    attributed_to = scalars.reference(document.get("attributedTo"))
    interacting_object = scalars.reference(document.get("interactingObject"))
    interaction_target = scalars.reference(document.get("interactionTarget"))
    if not attributed_to or not interacting_object or not interaction_target:
        raise DocumentError("the authorization does not say whose, of what, or for what it is")
    return Authorization(
        id=required_id(document),
        type=type_of(document)[0],
        attributed_to=attributed_to,
        interacting_object=interacting_object,
        interaction_target=interaction_target,
    )

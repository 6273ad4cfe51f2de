"""Who may do what with an object (GoToSocial: interactionPolicy)."""

from collections.abc import Mapping
from typing import Any

from activitypub.model import InteractionPolicy, Permission
from activitypub.parse import scalars
from activitypub.parse.limits import MAX_PERMITTED

# The later name of each list comes first; where both are given it counts.
_AUTOMATIC = ("automaticApproval", "always")
_MANUAL = ("manualApproval", "approvalRequired")


def parse_policy(value: Any) -> InteractionPolicy | None:
    """Read an `interactionPolicy`; None where nothing in it can be read."""
    if not isinstance(value, dict):
        return None
    policy = InteractionPolicy(
        can_quote=_permission(value.get("canQuote")),
        can_reply=_permission(value.get("canReply")),
        can_like=_permission(value.get("canLike")),
        can_announce=_permission(value.get("canAnnounce")),
        can_feature=_permission(value.get("canFeature")),
    )
    return None if policy == InteractionPolicy() else policy


def _permission(value: Any) -> Permission | None:
    """An empty permission says nothing: nobody is said with the id of the author."""
    if not isinstance(value, dict):
        return None
    permission = Permission(_permitted(value, _AUTOMATIC), _permitted(value, _MANUAL))
    return None if permission == Permission() else permission


def _permitted(value: Mapping[str, Any], spellings: tuple[str, str]) -> tuple[str, ...]:
    spelling = next((one for one in spellings if one in value), spellings[0])
    return scalars.recipients(value.get(spelling))[:MAX_PERMITTED]

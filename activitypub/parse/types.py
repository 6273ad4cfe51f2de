"""The types of the vocabulary by family, and which of several types counts."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

from activitypub.errors import DocumentError
from activitypub.parse.limits import MAX_TYPES


def names(text: str) -> frozenset[str]:
    """Return the words of `text`, each of which is a name in the vocabulary."""
    return frozenset(text.split())


ACTOR_TYPES = frozenset({"Application", "Group", "Organization", "Person", "Service"})
OBJECT_TYPES = names("""
    Article Audio ChatMessage Document Event Image Note Object Page Place Playlist Profile
    Question Relationship Video""")
ACTIVITY_TYPES = names("""
    Accept Activity Add Announce Arrive Block Create Delete Dislike EmojiReact Flag Follow
    Ignore IntransitiveActivity Invite Join Leave Like Listen Lock Move Offer Read Reject Remove
    AnnounceRequest FeatureRequest LikeRequest QuoteRequest ReplyRequest TentativeAccept
    TentativeReject Travel Undo Update View""")
COLLECTION_TYPES = frozenset(
    {"Collection", "CollectionPage", "OrderedCollection", "OrderedCollectionPage"}
)
TOMBSTONE_TYPES = frozenset({"Tombstone"})
MAX_TYPE_CHARS = 128


class Family(Enum):
    """Which of the model's values a type belongs to."""

    ACTIVITY = "activity"
    OBJECT = "object"
    ACTOR = "actor"
    COLLECTION = "collection"
    TOMBSTONE = "tombstone"


_FAMILIES = {
    name: family
    for family, names in (
        (Family.ACTOR, ACTOR_TYPES),
        (Family.OBJECT, OBJECT_TYPES),
        (Family.ACTIVITY, ACTIVITY_TYPES),
        (Family.COLLECTION, COLLECTION_TYPES),
        (Family.TOMBSTONE, TOMBSTONE_TYPES),
    )
    for name in names
}


def type_of(document: Mapping[str, Any]) -> tuple[str, Family | None]:
    """Return the type that counts and its family, None for a type we do not know.

    Of several types the first known one counts, else the first; every reader asks here, so
    that no document is one thing to one and another thing to the next. Raises DocumentError
    if there is no usable type.
    """
    value = document.get("type")
    if isinstance(value, str) and value in _FAMILIES:
        return value, _FAMILIES[value]
    names = [name for name in _as_list(value) if _is_type_name(name)]
    for name in names:
        if name in _FAMILIES:
            return name, _FAMILIES[name]
    if not names:
        raise DocumentError("document has no type")
    return names[0], None


def expect_type(document: Mapping[str, Any], family: Family) -> str:
    """Return the type of a document of `family`; an unknown type may be of any family.

    Raises DocumentError if the type belongs to another family.
    """
    name, found = type_of(document)
    if found is not family and found is not None:
        raise DocumentError(f"{name} is not of the kind {family.value}")
    return name


def _as_list(value: Any) -> list[Any]:
    return value[:MAX_TYPES] if isinstance(value, list) else [value]


def _is_type_name(name: Any) -> bool:
    return isinstance(name, str) and 0 < len(name) <= MAX_TYPE_CHARS

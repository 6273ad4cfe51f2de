"""Model values become the bytes that are sent, stored and served."""

from activitypub.build import to_document
from activitypub.json_bytes import dumps
from activitypub.model import Activity, Actor, Collection, Object, Tombstone


def serialise(value: Activity | Actor | Object | Collection | Tombstone) -> bytes:
    """Give the JSON document of `value`, with its @context."""
    return dumps(to_document(value))

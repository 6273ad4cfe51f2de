"""From JSON to the model: reads every shape that peers send, trusts none of what it says.

The only error raised here is DocumentError. Limits are in `activitypub.parse.limits`: lists
are cut, single values that break a rule are dropped, content that is too long is an error.
"""

from activitypub.parse.actors import parse_actor
from activitypub.parse.authorizations import parse_authorization
from activitypub.parse.documents import parse_activity, parse_any, parse_collection, parse_envelope
from activitypub.parse.keys import key_owner, parse_key
from activitypub.parse.objects import parse_object, parse_tombstone
from activitypub.parse.types import ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, OBJECT_TYPES

__all__ = [
    "ACTIVITY_TYPES",
    "ACTOR_TYPES",
    "COLLECTION_TYPES",
    "OBJECT_TYPES",
    "key_owner",
    "parse_activity",
    "parse_actor",
    "parse_any",
    "parse_authorization",
    "parse_collection",
    "parse_envelope",
    "parse_key",
    "parse_object",
    "parse_tombstone",
]

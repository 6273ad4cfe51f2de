"""How ActivityPub documents are answered."""

from datetime import datetime
from hashlib import sha256

from activitypub.model import Activity, Actor, Collection, Object, Tombstone
from fedserver import documents
from fedserver.routing import Reply

ACTIVITY_TYPE = "application/activity+json; charset=utf-8"
PUBLIC_CACHE = {"Cache-Control": "max-age=180, public"}
PRIVATE_CACHE = {"Cache-Control": "private, no-store"}


def activity_reply(
    value: Activity | Actor | Collection | Object | bytes, *, public: bool = True
) -> Reply:
    """Give a document, with a tag for those who have it already; one that not everybody may read
    is not kept by caches."""
    body = value if isinstance(value, bytes) else documents.serialise(value)
    tag = {"ETag": f'W/"{sha256(body).hexdigest()[:32]}"'} if public else {}
    return Reply(
        body,
        content_type=ACTIVITY_TYPE,
        headers=(PUBLIC_CACHE if public else PRIVATE_CACHE) | tag,
    )


def tombstone_reply(uri: str, former_type: str | None, deleted_at: datetime | None) -> Reply:
    """Give 410 and the Tombstone of what was deleted (ActivityPub §6.4)."""
    tombstone = Tombstone(id=uri, former_type=former_type, deleted=deleted_at)
    return Reply(documents.serialise(tombstone), status=410, content_type=ACTIVITY_TYPE)

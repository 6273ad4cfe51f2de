"""Documents that hold other documents: activities and collections, and the reader of any."""

from collections.abc import Mapping
from typing import Any

from activitypub.errors import DocumentError
from activitypub.model import Activity, Actor, Collection, Document, Object
from activitypub.parse import scalars
from activitypub.parse.actors import parse_actor
from activitypub.parse.limits import (
    MAX_AUTHORS,
    MAX_ITEMS,
    MAX_NAME_CHARS,
    MAX_NESTED_DOCUMENTS,
    MAX_OBJECTS,
)
from activitypub.parse.objects import default_language, parse_object, parse_tombstone
from activitypub.parse.tags import parse_tags
from activitypub.parse.types import Family, expect_type, names, type_of

_KNOWN_ACTIVITY = names("""
    @context id type actor object target origin instrument result likeAuthorization
    announceAuthorization approvedBy to cc bto bcc audience
    published content tag""")
_KNOWN_COLLECTION = names("""
    @context id type totalItems items orderedItems first last next prev partOf attributedTo
    bto bcc""")


def parse_activity(document: Mapping[str, Any]) -> Activity:
    """Read an activity with what is embedded in it.

    Embedded documents that are unusable, or nested too deeply, are reduced to their
    ids. Raises DocumentError if the document has no type or is no activity.
    """
    return _activity(document, MAX_NESTED_DOCUMENTS, None)


_HEAD = names("id type actor object attributedTo inbox preferredUsername")


def parse_envelope(document: Mapping[str, Any]) -> Activity:
    """Read only what says whose an activity is and what it acts upon: enough for
    `trust.authenticate`, at a fraction of the cost of `parse_activity`, which reads the rest.

    Raises DocumentError as `parse_activity` does for those parts.
    """
    type_ = expect_type(document, Family.ACTIVITY)
    objects = scalars.listed(document.get("object"), MAX_OBJECTS)
    return Activity(
        type=type_,
        id=_own_id(document),
        actor=scalars.reference(document.get("actor")),
        object=_head(objects[0]) if objects else None,
        other_objects=scalars.references(objects[1:], MAX_OBJECTS),
        target=scalars.reference(document.get("target")),
        raw=document,
    )


def _head(value: Any) -> str | Document | None:
    """Read what is embedded, but of an object only who wrote it."""
    if not isinstance(value, dict):
        return scalars.reference(value)
    head = {name: value[name] for name in _HEAD if name in value}
    try:
        type_, family = type_of(head)
    except DocumentError:
        return scalars.reference(value)
    id_ = _own_id(head)
    if family is not Family.OBJECT or id_ is None:
        return _embedded(head, MAX_NESTED_DOCUMENTS - 1, None)
    return Object(
        id=id_,
        type=type_,
        attributed_to=scalars.references(head.get("attributedTo"), MAX_AUTHORS),
    )


def parse_collection(document: Mapping[str, Any]) -> Collection:
    """Read a collection or a page of one; unusable items are left out.

    Raises DocumentError if the document has no type or is no collection.
    """
    return _collection(document, MAX_NESTED_DOCUMENTS, None)


def parse_any(document: Mapping[str, Any]) -> Document:
    """Read whatever the document's type says it is.

    An unknown type is an activity if it has an actor, an actor if it has an inbox, else an
    object. Raises DocumentError if the document is not well-formed as what it says it is.
    """
    return _any(document, MAX_NESTED_DOCUMENTS, None)


def _any(document: Mapping[str, Any], levels: int, language: str | None) -> Document:
    match _family(document):
        case Family.ACTIVITY:
            return _activity(document, levels, language)
        case Family.COLLECTION:
            return _collection(document, levels, language)
        case Family.ACTOR:
            return parse_actor(document)
        case Family.TOMBSTONE:
            return parse_tombstone(document)
        case Family.OBJECT:
            return parse_object(document, language=language)


def _family(document: Mapping[str, Any]) -> Family:
    family = type_of(document)[1]
    if family is not None:
        return family
    if "actor" in document:
        return Family.ACTIVITY
    return Family.ACTOR if "inbox" in document else Family.OBJECT


def _activity(document: Mapping[str, Any], levels: int, language: str | None) -> Activity:
    type_ = expect_type(document, Family.ACTIVITY)
    get = document.get
    language = default_language(document, language)
    objects = scalars.listed(get("object"), MAX_OBJECTS)
    return Activity(
        type=type_,
        id=_own_id(document),
        actor=scalars.reference(get("actor")),
        object=_embedded(objects[0], levels - 1, language) if objects else None,
        other_objects=scalars.references(objects[1:], MAX_OBJECTS),
        target=scalars.reference(get("target")),
        origin=scalars.reference(get("origin")),
        instrument=scalars.reference(get("instrument")),
        enclosed=_enclosed(get("instrument"), levels - 1, language),
        authorization=scalars.reference(
            get("likeAuthorization") or get("announceAuthorization") or get("approvedBy")
        ),
        result=scalars.reference(get("result")),
        to=scalars.recipients(get("to")),
        cc=scalars.recipients(get("cc")),
        audience=scalars.recipients(get("audience")),
        published=scalars.time(get("published")),
        content=scalars.text(get("content"), MAX_NAME_CHARS),
        emojis=parse_tags(get("tag")).emojis,
        unknown=scalars.unknown(document, _KNOWN_ACTIVITY),
        raw=document,
    )


def _collection(document: Mapping[str, Any], levels: int, language: str | None) -> Collection:
    type_ = expect_type(document, Family.COLLECTION)
    get = document.get
    language = default_language(document, language)
    items = get("orderedItems") if "orderedItems" in document else get("items")
    found = [_embedded(item, levels - 1, language) for item in scalars.listed(items, MAX_ITEMS)]
    return Collection(
        type=type_,
        id=_own_id(document),
        total_items=scalars.count(get("totalItems")),
        items=tuple(item for item in found if item is not None),
        first=_first_page(get("first"), levels - 1, language),
        last=scalars.reference(get("last")),
        next=scalars.reference(get("next")),
        prev=scalars.reference(get("prev")),
        part_of=scalars.reference(get("partOf")),
        attributed_to=scalars.references(get("attributedTo"), MAX_AUTHORS),
        unknown=scalars.unknown(document, _KNOWN_COLLECTION),
    )


def _first_page(value: Any, levels: int, language: str | None) -> str | Collection | None:
    page = _embedded(value, levels, language)
    return page if page is None or isinstance(page, str | Collection) else page.id


def _embedded(value: Any, levels: int, language: str | None) -> str | Document | None:
    """Return what a property that takes a document holds: the document, else its id."""
    if isinstance(value, dict) and levels > 0 and "type" in value:
        try:
            found = _any(value, levels, language)
        except DocumentError:
            return scalars.reference(value)
        if not isinstance(found, Actor) or found.inbox is not None:
            return found
    return scalars.reference(value)


def _enclosed(value: Any, levels: int, language: str | None) -> Object | Activity | None:
    if not isinstance(value, dict):
        return None
    found = _embedded(value, levels, language)
    return found if isinstance(found, Object | Activity) else None


def _own_id(document: Mapping[str, Any]) -> str | None:
    """Return the id if there is a usable one; an embedded object or list is none."""
    value = document.get("id")
    return scalars.reference(value) if isinstance(value, str) else None

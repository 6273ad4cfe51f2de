"""Collections of accounts (FEP-7aa9): FeaturedCollection, its FeaturedItems, and the
FeatureAuthorization by which each of them consents. In the shape that Mastodon 4.6 writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from activitypub.contexts.terms import FEATURED_CONTEXT
from activitypub.errors import DocumentError
from activitypub.parse import scalars
from activitypub.parse.limits import MAX_FEATURED_ITEMS, MAX_NAME_CHARS, MAX_SUMMARY_CHARS
from activitypub.parse.media import parse_urls
from activitypub.parse.objects import required_id
from activitypub.parse.types import type_of

Json = dict[str, Any]

COLLECTION_TYPE = "FeaturedCollection"
ITEM_TYPE = "FeaturedItem"
AUTHORIZATION_TYPE = "FeatureAuthorization"
REQUEST_TYPE = "FeatureRequest"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturedItem:
    """An actor in a collection; `authorization` is where its consent is to be read."""

    id: str
    featured_object: str
    authorization: str | None = None
    published: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturedCollection:
    """A collection of actors that `attributed_to` recommends. `topic` is a hashtag without its
    sign; of an item that is not embedded there is the id."""

    id: str
    attributed_to: str
    name: str = ""
    summary: str = ""
    language: str | None = None
    url: str | None = None
    sensitive: bool = False
    discoverable: bool = False
    topic: str | None = None
    topic_url: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    items: tuple[FeaturedItem | str, ...] = ()


def parse_featured_collection(document: Mapping[str, Any]) -> FeaturedCollection:
    """Read a FeaturedCollection; items that cannot be read are left out, and so are those above
    the limit. Raises DocumentError if it is none, or does not say whose it is."""
    _expect(document, COLLECTION_TYPE)
    get = document.get
    owner = scalars.reference(get("attributedTo"))
    if owner is None:
        raise DocumentError("the collection does not say whose it is")
    summary, language = _summary(document)
    topic = scalars.first(get("topic"))
    return FeaturedCollection(
        id=required_id(document),
        attributed_to=owner,
        name=scalars.text(get("name"), MAX_NAME_CHARS) or "",
        summary=summary,
        language=language,
        url=parse_urls(get("url"))[0],
        sensitive=scalars.flag(get("sensitive")),
        discoverable=scalars.flag(get("discoverable")),
        topic=_hashtag(topic),
        topic_url=scalars.reference(topic),
        published=scalars.time(get("published")),
        updated=scalars.time(get("updated")),
        items=_items(get("orderedItems") or get("items")),
    )


def parse_featured_item(document: Mapping[str, Any]) -> FeaturedItem:
    """Read a FeaturedItem. Raises DocumentError if it is none, or names nobody."""
    _expect(document, ITEM_TYPE)
    featured = scalars.reference(document.get("featuredObject"))
    if featured is None:
        raise DocumentError("the item names nobody")
    return FeaturedItem(
        id=required_id(document),
        featured_object=featured,
        authorization=scalars.reference(document.get("featureAuthorization")),
        published=scalars.time(document.get("published")),
    )


def authorizes(document: Mapping[str, Any], *, collection: str, featured: str) -> bool:
    """Say whether a document, read at its own id, is the consent of `featured` to be in
    `collection`. Whose origin it came from is for the caller to ask."""
    return (
        type_of(document)[0] == AUTHORIZATION_TYPE
        and scalars.reference(document.get("interactingObject")) == collection
        and scalars.reference(document.get("interactionTarget")) == featured
    )


def _expect(document: Mapping[str, Any], wanted: str) -> None:
    if type_of(document)[0] != wanted:
        raise DocumentError(f"the document is no {wanted}")


def _summary(document: Mapping[str, Any]) -> tuple[str, str | None]:
    translations = scalars.language_map(document.get("summaryMap"), MAX_SUMMARY_CHARS)
    for language, text in translations.items():
        return text, scalars.language_tag(language)
    return scalars.text(document.get("summary"), MAX_SUMMARY_CHARS) or "", None


def _hashtag(topic: Any) -> str | None:
    if not isinstance(topic, dict):
        return None
    name = scalars.token(topic.get("name"))
    return name.removeprefix("#") or None if name else None


def _items(value: Any) -> tuple[FeaturedItem | str, ...]:
    found: dict[str, FeaturedItem | str] = {}
    for member in scalars.listed(value, MAX_FEATURED_ITEMS):
        item = _item(member)
        if item is not None:
            found.setdefault(item if isinstance(item, str) else item.id, item)
    return tuple(found.values())


def _item(value: Any) -> FeaturedItem | str | None:
    if not isinstance(value, dict):
        return scalars.reference(value)
    try:
        return parse_featured_item(value)
    except DocumentError:
        return None


def collection_document(value: FeaturedCollection, *, context: bool = True) -> Json:
    """Return the JSON of a collection."""
    described = {"summaryMap": {value.language: value.summary}} if value.language else {}
    return {
        **({"@context": FEATURED_CONTEXT} if context else {}),
        "id": value.id,
        "type": COLLECTION_TYPE,
        "attributedTo": value.attributed_to,
        "name": value.name,
        **(described or {"summary": value.summary}),
        "url": value.url or value.id,
        "sensitive": value.sensitive,
        "discoverable": value.discoverable,
        **_topic(value),
        **_times(published=value.published, updated=value.updated),
        "totalItems": len(value.items),
        "orderedItems": [
            one if isinstance(one, str) else item_document(one, context=False)
            for one in value.items
        ],
    }


def _topic(value: FeaturedCollection) -> Json:
    if value.topic is None:
        return {}
    named = {"type": "Hashtag", "name": f"#{value.topic}"}
    return {"topic": named | ({"href": value.topic_url} if value.topic_url else {})}


def item_document(value: FeaturedItem, *, context: bool = True) -> Json:
    """Return the JSON of an item."""
    consent = {"featureAuthorization": value.authorization} if value.authorization else {}
    return {
        **({"@context": FEATURED_CONTEXT} if context else {}),
        "id": value.id,
        "type": ITEM_TYPE,
        "featuredObject": value.featured_object,
        **consent,
        **_times(published=value.published),
    }


def feature_authorization_document(id: str, *, collection: str, featured: str) -> Json:
    """Return the JSON of the consent of `featured` to be in `collection`."""
    return {
        "@context": FEATURED_CONTEXT,
        "id": id,
        "type": AUTHORIZATION_TYPE,
        "attributedTo": featured,
        "interactingObject": collection,
        "interactionTarget": featured,
    }


def _times(**moments: datetime | None) -> Json:
    return {
        name: f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"
        for name, moment in moments.items()
        if moment is not None
    }

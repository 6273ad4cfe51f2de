"""Collections of accounts as FeaturedCollections, and the consents to them (FEP-7aa9)."""

from collections.abc import Sequence

from activitypub.featured import (
    FeaturedCollection,
    FeaturedItem,
    feature_authorization_document,
)
from activitypub.json_bytes import dumps
from fedserver.context import Context
from fedserver.uris import Uris
from storage.collections import CollectionItemRow, CollectionRow, FeatureConsentRow


def featured_collection(
    ctx: Context, row: CollectionRow, owner_uri: str, items: Sequence[CollectionItemRow]
) -> FeaturedCollection:
    """Give a collection of one of our people with what is accepted among `items`."""
    return FeaturedCollection(
        id=row.uri,
        attributed_to=owner_uri,
        name=row.name,
        summary=row.description,
        language=row.language,
        url=row.url,
        sensitive=row.sensitive,
        discoverable=row.discoverable,
        topic=row.tag_name,
        topic_url=Uris(ctx.config.base_url).tag(row.tag_name) if row.tag_name else None,
        published=row.created_at,
        updated=row.updated_at,
        items=tuple(featured_item(one) for one in items if one.state == "accepted"),
    )


def featured_item(row: CollectionItemRow) -> FeaturedItem:
    """Give an account in a collection of one of our people."""
    return FeaturedItem(
        id=row.uri or "",
        featured_object=row.account_uri,
        authorization=row.authorization_uri,
        published=row.created_at,
    )


def feature_authorization(uri: str, row: FeatureConsentRow) -> bytes:
    """Give the FeatureAuthorization that is served at `uri`, as JSON."""
    return dumps(
        feature_authorization_document(uri, collection=row.collection_uri, featured=row.account_uri)
    )

"""Rows become ActivityPub documents, in batches."""

from fedserver.documents.actors import actor
from fedserver.documents.featured import (
    feature_authorization,
    featured_collection,
    featured_item,
)
from fedserver.documents.former import former_actor, rebased
from fedserver.documents.notes import notes
from fedserver.documents.policies import given_authorization
from fedserver.documents.quotes import quote_authorization
from fedserver.documents.serialising import serialise
from fedserver.documents.webfinger import webfinger

__all__ = [
    "actor",
    "feature_authorization",
    "featured_collection",
    "featured_item",
    "former_actor",
    "given_authorization",
    "notes",
    "quote_authorization",
    "rebased",
    "serialise",
    "webfinger",
]

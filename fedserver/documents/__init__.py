"""Rows become ActivityPub documents, in batches."""

from fedserver.documents.actors import actor
from fedserver.documents.notes import notes
from fedserver.documents.quotes import quote_authorization
from fedserver.documents.serialising import serialise

__all__ = ["actor", "notes", "quote_authorization", "serialise"]

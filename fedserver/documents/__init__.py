"""Rows become ActivityPub documents, in batches."""

from fedserver.documents.actors import actor
from fedserver.documents.notes import notes
from fedserver.documents.policies import given_authorization
from fedserver.documents.quotes import quote_authorization
from fedserver.documents.serialising import serialise

__all__ = ["actor", "given_authorization", "notes", "quote_authorization", "serialise"]

"""Rows become ActivityPub documents, in batches."""

from fedserver.documents.actors import actor
from fedserver.documents.notes import notes
from fedserver.documents.serialising import serialise

__all__ = ["actor", "notes", "serialise"]

"""The domain is lost: every account goes on under a new one, and its followers come along.

Importing the room registers its endpoint."""

from fedserver.survival.evacuation import endpoints
from fedserver.survival.evacuation.sending import evacuate_always

WORKERS = (evacuate_always,)

__all__ = ["WORKERS", "endpoints"]

"""What peers call. Importing the room registers its endpoints."""

from fedserver.federation import actors, collections, inbox, nodeinfo, objects, threads, wellknown

__all__ = ["actors", "collections", "inbox", "nodeinfo", "objects", "threads", "wellknown"]

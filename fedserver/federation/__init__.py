"""What peers call. Importing the room registers its endpoints."""

from fedserver.federation import (
    actors,
    collections,
    featured,
    followers,
    inbox,
    nodeinfo,
    objects,
    threads,
    wellknown,
)

__all__ = [
    "actors",
    "collections",
    "featured",
    "followers",
    "inbox",
    "nodeinfo",
    "objects",
    "threads",
    "wellknown",
]

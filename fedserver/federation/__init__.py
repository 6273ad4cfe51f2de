"""What peers call. Importing the room registers its endpoints."""

from fedserver.federation import (
    actors,
    alternates,
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
    "alternates",
    "collections",
    "featured",
    "followers",
    "inbox",
    "nodeinfo",
    "objects",
    "threads",
    "wellknown",
]

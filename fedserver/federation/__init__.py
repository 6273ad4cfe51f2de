"""What peers call. Importing the room registers its endpoints."""

from fedserver.federation import (
    actors,
    collections,
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
    "followers",
    "inbox",
    "nodeinfo",
    "objects",
    "threads",
    "wellknown",
]

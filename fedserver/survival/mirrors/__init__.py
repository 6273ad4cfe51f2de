"""Instances that keep things for each other. Importing the room registers its endpoints."""

from fedserver.survival.mirrors import chunks, negotiating, objects
from fedserver.survival.mirrors.worker import bring_always, remove_always, tidy_always

WORKERS = (bring_always, remove_always, tidy_always)

__all__ = ["WORKERS", "chunks", "negotiating", "objects"]

"""Instances that keep things for each other. Importing the room registers its endpoints."""

from fedserver.survival.mirrors import chunks, negotiating
from fedserver.survival.mirrors.worker import remove_always

WORKERS = (remove_always,)

__all__ = ["WORKERS", "chunks", "negotiating"]

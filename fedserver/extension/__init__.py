"""What clients cannot do on any other server yet, under /api/fedserver/v1: taking one's account
along. Importing the room registers its endpoints; docs/api.md describes them."""

from fedserver.extension import archives, kits, moving, portable, recovery, sessions

__all__ = ["archives", "kits", "moving", "portable", "recovery", "sessions"]

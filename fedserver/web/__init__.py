"""What people see with a browser: signing in, agreeing to clients, profiles and posts."""

from fedserver.web import (
    authorize,
    confirmations,
    front,
    interactions,
    posts,
    profiles,
    sign_in,
    sign_up,
    tags,
)
from fedserver.web.static import add_static

__all__ = [
    "add_static",
    "authorize",
    "confirmations",
    "front",
    "interactions",
    "posts",
    "profiles",
    "sign_in",
    "sign_up",
    "tags",
]

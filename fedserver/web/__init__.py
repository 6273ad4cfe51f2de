"""What people see with a browser: signing in, agreeing to clients, profiles and posts."""

from fedserver.web import (
    authorize,
    collections,
    confirmations,
    factors,
    front,
    house_texts,
    interactions,
    posts,
    profiles,
    second_steps,
    settings,
    severances,
    sign_in,
    sign_up,
    tags,
)
from fedserver.web.static import add_static

__all__ = [
    "add_static",
    "authorize",
    "collections",
    "confirmations",
    "factors",
    "front",
    "house_texts",
    "interactions",
    "posts",
    "profiles",
    "second_steps",
    "settings",
    "severances",
    "sign_in",
    "sign_up",
    "tags",
]

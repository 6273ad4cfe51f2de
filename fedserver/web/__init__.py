"""What people see with a browser: signing in, agreeing to clients, profiles and posts."""

from fedserver.web import (
    authorize,
    collections,
    confirmations,
    email_subscriptions,
    factors,
    front,
    house_texts,
    interactions,
    posts,
    profiles,
    second_steps,
    settings,
    severances,
    share,
    sign_in,
    sign_up,
    tags,
)
from fedserver.web.share import POST_TEXT
from fedserver.web.static import add_static

__all__ = [
    "POST_TEXT",
    "add_static",
    "authorize",
    "collections",
    "confirmations",
    "email_subscriptions",
    "factors",
    "front",
    "house_texts",
    "interactions",
    "posts",
    "profiles",
    "second_steps",
    "settings",
    "severances",
    "share",
    "sign_in",
    "sign_up",
    "tags",
]

"""What people see with a browser: signing in, agreeing to clients, profiles and posts."""

from fedserver.web import (
    archives,
    authorize,
    bring_kit,
    collections,
    confirmations,
    email_subscriptions,
    factors,
    front,
    house_texts,
    interactions,
    posts,
    profiles,
    recovery,
    second_steps,
    settings,
    severances,
    share,
    sign_in,
    sign_up,
    tags,
)
from fedserver.web.bring_kit import BRING_KIT
from fedserver.web.share import POST_TEXT
from fedserver.web.static import add_static

__all__ = [
    "BRING_KIT",
    "POST_TEXT",
    "add_static",
    "archives",
    "authorize",
    "bring_kit",
    "collections",
    "confirmations",
    "email_subscriptions",
    "factors",
    "front",
    "house_texts",
    "interactions",
    "posts",
    "profiles",
    "recovery",
    "second_steps",
    "settings",
    "severances",
    "share",
    "sign_in",
    "sign_up",
    "tags",
]

"""Actors: people, bots, groups and servers."""

from collections.abc import Mapping
from html import escape
from typing import Any, NamedTuple

from activitypub.model import Actor, PropertyValue
from activitypub.parse import scalars
from activitypub.parse.interaction import parse_policy
from activitypub.parse.keys import parse_keys
from activitypub.parse.limits import (
    MAX_ALIASES,
    MAX_ATTACHMENTS_READ,
    MAX_ATTRIBUTION_DOMAINS,
    MAX_FIELDS,
    MAX_NAME_CHARS,
    MAX_STATEMENTS,
    MAX_SUMMARY_CHARS,
)
from activitypub.parse.media import parse_image, parse_urls
from activitypub.parse.objects import required_id
from activitypub.parse.tags import parse_tags
from activitypub.parse.types import Family, expect_type, names

_KNOWN_ACTOR = names("""
    @context id type preferredUsername name summary url inbox outbox followers following
    featured featuredTags endpoints publicKey assertionMethod icon image
    manuallyApprovesFollowers discoverable indexable memorial suspended alsoKnownAs movedTo
    published updated attachment tag webfinger showFeatured showMedia showRepliesInMedia
    attributionDomains interactionPolicy featuredCollections bto bcc""")


def parse_actor(document: Mapping[str, Any]) -> Actor:
    """Read an actor.

    Raises DocumentError if it has no usable id or type, or is something else than an actor.
    """
    type_ = expect_type(document, Family.ACTOR)
    get = document.get
    icon, image = parse_image(get("icon")), parse_image(get("image"))
    endpoints = get("endpoints")
    tags = parse_tags(get("tag"))
    return Actor(
        id=required_id(document),
        type=type_,
        preferred_username=scalars.token(get("preferredUsername"), MAX_NAME_CHARS),
        name=scalars.text(get("name"), MAX_NAME_CHARS),
        summary=scalars.text(get("summary"), MAX_SUMMARY_CHARS),
        url=parse_urls(get("url"))[0],
        inbox=scalars.reference(get("inbox")),
        outbox=scalars.reference(get("outbox")),
        followers=scalars.reference(get("followers")),
        following=scalars.reference(get("following")),
        featured=scalars.reference(get("featured")),
        featured_tags=scalars.reference(get("featuredTags")),
        shared_inbox=(
            scalars.reference(endpoints.get("sharedInbox")) if isinstance(endpoints, dict) else None
        ),
        keys=parse_keys(document),
        icon_url=icon.url if icon else None,
        icon_media_type=icon.media_type if icon else None,
        image_url=image.url if image else None,
        image_media_type=image.media_type if image else None,
        icon_description=icon.description if icon else None,
        image_description=image.description if image else None,
        manually_approves_followers=scalars.flag(get("manuallyApprovesFollowers")),
        discoverable=scalars.flag(get("discoverable")),
        indexable=scalars.flag(get("indexable")),
        memorial=scalars.flag(get("memorial")),
        suspended=scalars.flag(get("suspended")),
        also_known_as=scalars.references(get("alsoKnownAs"), MAX_ALIASES),
        moved_to=scalars.reference(get("movedTo")),
        published=scalars.time(get("published")),
        updated=scalars.time(get("updated")),
        fields=_fields(get("attachment")),
        statements=_statements(get("attachment")),
        emojis=tags.emojis,
        hashtags=tags.hashtags,
        webfinger=scalars.token(get("webfinger")),
        show_featured=_said(get("showFeatured")),
        show_media=_said(get("showMedia")),
        show_replies_in_media=_said(get("showRepliesInMedia")),
        attribution_domains=_domains(get("attributionDomains")),
        interaction_policy=parse_policy(get("interactionPolicy")),
        featured_collections=scalars.reference(get("featuredCollections")),
        unknown=scalars.unknown(document, _KNOWN_ACTOR),
    )


def _said(value: Any) -> bool | None:
    """Read a setting that an actor may leave unsaid."""
    return value if isinstance(value, bool) else None


def _domains(value: Any) -> tuple[str, ...]:
    found = (scalars.token(one) for one in scalars.listed(value, MAX_ATTRIBUTION_DOMAINS))
    return tuple(dict.fromkeys(one for one in found if one))


def _fields(value: Any) -> tuple[PropertyValue, ...]:
    """Read the rows of a profile: schema:PropertyValue, or Note and Link (FEP-fb2a). Who writes a
    row in both forms means one."""
    rows = list(scalars.objects(value, MAX_ATTACHMENTS_READ))
    found = [_field(row) for row in rows]
    legacy = {row.name for row in found if row is not None and row.legacy}
    kept = (row for row in found if row is not None and (row.legacy or row.name not in legacy))
    return tuple(PropertyValue(row.name, row.value) for row in kept)[:MAX_FIELDS]


def _statements(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Read what bears a proof of its own, such as a VerifiableIdentityStatement (FEP-c390)."""
    rows = scalars.objects(value, MAX_ATTACHMENTS_READ)
    return tuple(row for row in rows if isinstance(row.get("proof"), dict))[:MAX_STATEMENTS]


class _Field(NamedTuple):
    name: str
    value: str
    legacy: bool


def _field(row: Mapping[str, Any]) -> _Field | None:
    name = scalars.text(row.get("name"), MAX_NAME_CHARS)
    match scalars.first(row.get("type")):
        case "PropertyValue":
            value, legacy = scalars.text(row.get("value"), MAX_NAME_CHARS), True
        case "Note":
            value, legacy = scalars.text(row.get("content"), MAX_NAME_CHARS), False
        case "Link":
            value, legacy = _anchor(scalars.reference(row.get("href"))), False
            name = name or (value and scalars.reference(row.get("href")))
        case _:
            return None
    return None if name is None or value is None else _Field(name, value, legacy)


def _anchor(href: str | None) -> str | None:
    """The value of a row is HTML."""
    return f'<a href="{escape(href)}" rel="me">{escape(href)}</a>' if href else None

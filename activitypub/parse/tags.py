"""`tag`: mentions, hashtags, custom emojis and object links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from activitypub.model import Emoji, Hashtag, Mention
from activitypub.parse import scalars
from activitypub.parse.limits import MAX_NAME_CHARS, MAX_RELS, MAX_TAGS, MAX_TAGS_READ

MAX_HASHTAG_CHARS = 256
_SHORTCODE = re.compile(r"[A-Za-z0-9_.+-]{1,128}", re.ASCII)
_QUOTE_REL = "https://misskey-hub.net/ns#_misskey_quote"
_ACTIVITY_JSON = "application/activity+json"


@dataclass(frozen=True, slots=True)
class Tags:
    """What a `tag` property says; `quote` is the first link to another object, or the one that
    says it is a quote (FEP-e232)."""

    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    quote: str | None = None
    collections: tuple[str, ...] = ()


_NO_TAGS = Tags()


def parse_tags(value: Any) -> Tags:
    """Read a `tag` property. Tags of other types, and unusable ones, are left out."""
    if not value:
        return _NO_TAGS
    mentions: list[Mention] = []
    hashtags: list[Hashtag] = []
    emojis: list[Emoji] = []
    links: list[tuple[bool, str]] = []
    collections: list[str] = []
    for tag in scalars.objects(value, MAX_TAGS_READ):
        match scalars.first(tag.get("type")):
            case "Mention":
                _keep(mentions, _mention(tag))
            case "Hashtag":
                _keep(hashtags, _hashtag(tag))
            case "Emoji":
                _keep(emojis, _emoji(tag))
            case "FeaturedCollection":
                _keep(collections, scalars.reference(tag.get("id")))
            case "Link":
                _keep(links, _object_link(tag))
    quote = max(links, key=lambda link: link[0])[1] if links else None
    return Tags(
        tuple(mentions), tuple(hashtags), tuple(emojis), quote, tuple(dict.fromkeys(collections))
    )


def _keep(kept: list[Any], tag: Any) -> None:
    if tag is not None and len(kept) < MAX_TAGS:
        kept.append(tag)


def _mention(tag: Mapping[str, Any]) -> Mention | None:
    href = scalars.reference(tag.get("href"))
    return Mention(href, scalars.text(tag.get("name"), MAX_NAME_CHARS)) if href else None


def _hashtag(tag: Mapping[str, Any]) -> Hashtag | None:
    name = scalars.token(tag.get("name"), MAX_HASHTAG_CHARS)
    name = name.removeprefix("#").strip() if name else None
    return Hashtag(name, scalars.reference(tag.get("href"))) if name else None


def _emoji(tag: Mapping[str, Any]) -> Emoji | None:
    name = scalars.token(tag.get("name"))
    icon = scalars.first(tag.get("icon"))
    url = scalars.reference(icon.get("url") if isinstance(icon, dict) else icon)
    shortcode = name.removeprefix(":").removesuffix(":") if name else ""
    if url is None or not _SHORTCODE.fullmatch(shortcode):
        return None
    return Emoji(
        shortcode,
        url,
        id=scalars.reference(tag.get("id")),
        media_type=scalars.token(icon.get("mediaType")) if isinstance(icon, dict) else None,
        updated=scalars.time(tag.get("updated")),
    )


def _object_link(tag: Mapping[str, Any]) -> tuple[bool, str] | None:
    """Return whether a link says that it is a quote, and its target; None if it leads to no
    ActivityPub object."""
    is_quote = _QUOTE_REL in scalars.listed(tag.get("rel"), MAX_RELS)
    href = scalars.reference(tag.get("href"))
    if href is None or not (is_quote or _is_object(tag.get("mediaType"))):
        return None
    return is_quote, href


def _is_object(media_type: Any) -> bool:
    if not isinstance(media_type, str):
        return False
    return media_type.startswith(_ACTIVITY_JSON) or (
        media_type.startswith("application/ld+json") and "activitystreams" in media_type
    )

"""Links, attachments and images: where the bytes of things are."""

from collections.abc import Iterator, Mapping
from typing import Any

from activitypub.model import Attachment, Link
from activitypub.parse import scalars
from activitypub.parse.limits import (
    MAX_ATTACHMENTS,
    MAX_ATTACHMENTS_READ,
    MAX_BLURHASH_CHARS,
    MAX_LINKS,
    MAX_NAME_CHARS,
)
from activitypub.parse.types import MAX_TYPE_CHARS

_HTML = "text/html"


def parse_urls(value: Any) -> tuple[str | None, tuple[Link, ...]]:
    """Read a `url` property: the best address for people, and all links if it says more.

    A single address gives `(address, ())`. Of several the first HTML page is best, else the
    first without a media type, else the first. Only http(s) addresses are kept.
    """
    if isinstance(value, str):
        return scalars.reference(value), ()
    found = (parse_link(member) for member in _with_nested(scalars.listed(value, MAX_LINKS)))
    links = tuple(link for link in found if link is not None)[:MAX_LINKS]
    best = _best_page(links)
    if len(links) == 1 and links[0] == Link(links[0].href):
        return best, ()
    return best, links


def _with_nested(members: list[Any]) -> Iterator[Any]:
    """Give the links and, behind each, those that are in its `tag`: PeerTube puts the files of a
    playlist there."""
    for member in members:
        yield member
        if isinstance(member, dict):
            yield from scalars.objects(member.get("tag"), MAX_LINKS)


def _best_page(links: tuple[Link, ...]) -> str | None:
    for wanted in (_HTML, None):
        for link in links:
            if link.media_type == wanted:
                return link.href
    return links[0].href if links else None


def parse_link(value: Any) -> Link | None:
    """Read a Link object, or an address as one. None if it leads nowhere."""
    href = scalars.reference(value)
    if href is None or not isinstance(value, dict):
        return None if href is None else Link(href)
    rel = (scalars.token(member) for member in scalars.listed(value.get("rel"), MAX_LINKS))
    return Link(
        href,
        media_type=scalars.token(value.get("mediaType")),
        name=scalars.text(value.get("name"), MAX_NAME_CHARS),
        rel=tuple(relation for relation in rel if relation is not None),
        width=scalars.pixels(value.get("width")),
        height=scalars.pixels(value.get("height")),
    )


def parse_attachments(value: Any) -> tuple[Attachment, ...]:
    """Read an `attachment` property. Attachments without an address are left out."""
    if not value:
        return ()
    members = scalars.listed(value, MAX_ATTACHMENTS_READ)
    found = (parse_attachment(member, "Document") for member in members)
    return tuple(one for one in found if one is not None)[:MAX_ATTACHMENTS]


def parse_attachment(value: Any, default_type: str) -> Attachment | None:
    """Read a media object, a Link or a bare address. None if it has no address."""
    if not isinstance(value, dict):
        address = scalars.reference(value)
        return Attachment(default_type, address) if address else None
    link = _media_link(value)
    if link is None:
        return None
    described = value.get("name") or value.get("summary")
    return Attachment(
        scalars.token(value.get("type"), MAX_TYPE_CHARS) or default_type,
        link.href,
        media_type=scalars.token(value.get("mediaType")) or link.media_type,
        description=scalars.text(described, MAX_NAME_CHARS),
        width=scalars.pixels(value.get("width")) or link.width,
        height=scalars.pixels(value.get("height")) or link.height,
        blurhash=scalars.token(value.get("blurhash"), MAX_BLURHASH_CHARS),
        focal_point=scalars.focal_point(value.get("focalPoint")),
        duration_s=scalars.duration(value.get("duration")),
        preview_url=_address(value.get("icon")) or _address(value.get("preview")),
    )


def parse_image(value: Any) -> Attachment | None:
    """Read an `image` or `icon` property; of several images the first usable one."""
    for member in scalars.listed(value, MAX_LINKS):
        if (found := parse_attachment(member, "Image")) is not None:
            return found
    return None


def _media_link(value: Mapping[str, Any]) -> Link | None:
    """Return the address of a media object with what its own Link says of it."""
    for member in scalars.listed(value.get("url"), MAX_LINKS):
        if (link := parse_link(member)) is not None:
            return link
    href = value.get("href")
    return parse_link(href) if isinstance(href, str) else None


def _address(value: Any) -> str | None:
    """Return the address of an image or link, which may be written as just that."""
    value = scalars.first(value)
    if isinstance(value, dict):
        value = value.get("url") or value.get("href")
    return scalars.reference(value)

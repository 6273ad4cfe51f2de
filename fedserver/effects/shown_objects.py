"""How objects that are no Notes are shown as posts: what they say of themselves beside their text,
and the media that they are or have."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from typing import Final
from urllib.parse import urlsplit

from activitypub.model import Attachment, Link, Object
from fedserver.services.text_in import clean_html, clean_plain

_MAX_LINKS: Final = 5
_MEDIA: Final = ("video", "audio", "image")
# Of the forms of a video the one that plays well nearly everywhere.
_BEST_HEIGHT: Final = 720
_PLAYABLE: Final = ("video/mp4", "video/webm")
_ILLUSTRATED: Final = ("Article", "Page", "Event", "Place", "Audio")
_BY_ENDING: Final = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "m4a": "audio/mp4",
}


def facts_of(given: Object) -> str:
    """Give HTML that says when and where something takes place, empty where it does not say."""
    lines = [line for line in (_when(given), _where(given)) if line]
    return f"<p>{'<br>'.join(lines)}</p>" if lines else ""


def _when(given: Object) -> str:
    start, end = given.start_time, given.end_time
    if start is None or given.type not in ("Event", "Place"):
        return ""
    if end is None or end <= start:
        return escape(f"🗓 {_moment(start)} UTC")
    same_day = start.astimezone(UTC).date() == end.astimezone(UTC).date()
    until = f"{end.astimezone(UTC):%H:%M}" if same_day else _moment(end)
    return escape(f"🗓 {_moment(start)} – {until} UTC")


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M}"


def _where(given: Object) -> str:
    place = given.location
    if place is None:
        return ""
    named = ", ".join(dict.fromkeys(part for part in (place.name, place.address) if part))
    return escape(f"📍 {clean_plain(named or place.url or '', 500)}")


def links_of(given: Object) -> str:
    """Give HTML of the pages that an object is about (Lemmy's links), which are no media."""
    found = [one for one in given.attachments if one.type in ("Link", "Page")]
    hrefs = dict.fromkeys(one.url for one in found if _kind_of(one.media_type) is None)
    return "".join(_anchor(href) for href in list(hrefs)[:_MAX_LINKS])


def _anchor(url: str) -> str:
    escaped = escape(url)
    return clean_html(f'<p><a href="{escaped}">{escaped}</a></p>')


def attachments_of(given: Object) -> tuple[Attachment, ...]:
    """Give the media of an object: what it is itself, what is attached, and its picture where
    nothing else is to be seen."""
    itself = list(_itself(given))
    named = {one.url for one in itself}
    attached = (_with_media_type(one) for one in given.attachments)
    # The same address twice among what is attached is a picture that was posted twice.
    found = [*itself, *(one for one in attached if one.url not in named)]
    seen = any(_kind_of(one.media_type) in ("image", "video") for one in found)
    if not seen and given.image is not None and given.type in _ILLUSTRATED:
        picture = _with_media_type(replace(given.image, type="Image"))
        found = [*(one for one in found if one.url != picture.url), picture]
    return tuple(found)


def _itself(given: Object) -> Iterator[Attachment]:
    """A Video, Audio or Image is a medium: its `url` names the files beside the page."""
    if given.type not in ("Video", "Audio", "Image", "Document"):
        return
    links = given.urls or ((Link(given.url, given.media_type),) if given.url else ())
    best = _best(links)
    if best is None:
        return
    yield Attachment(
        type=given.type,
        url=best.href,
        media_type=best.media_type,
        description=given.name,
        width=best.width,
        height=best.height,
        duration_s=given.duration_s,
        preview_url=given.image.url if given.image and given.type == "Video" else None,
    )


def _best(links: tuple[Link, ...]) -> Link | None:
    media = [link for link in links if _kind_of(link.media_type) is not None]
    return min(media, key=_unfitness, default=None)


def _unfitness(link: Link) -> tuple[bool, int]:
    is_video = _kind_of(link.media_type) == "video"
    away = abs((link.height or 0) - _BEST_HEIGHT) if is_video else 0
    return is_video and link.media_type not in _PLAYABLE, away


def _with_media_type(one: Attachment) -> Attachment:
    """Some say only that it is a Document; then the address tells."""
    if one.media_type is not None or one.type in ("Link", "Page", "Article"):
        return one
    ending = urlsplit(one.url).path.rpartition(".")[2].lower()
    return replace(one, media_type=_BY_ENDING.get(ending))


def _kind_of(media_type: str | None) -> str | None:
    kind = (media_type or "").partition("/")[0]
    return kind if kind in _MEDIA else None

"""What a web page says of itself: OpenGraph, Twitter cards, JSON-LD, oEmbed. No input or output.

Everything here was written by strangers. Only plain texts, numbers and web addresses come out;
HTML never does.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import msgspec

MAX_PAGE_CHARS: Final = 512 * 1024
_MAX_VALUES: Final = 200
_MAX_VALUE_CHARS: Final = 5_000
_MAX_LD_CHARS: Final = 100_000
_MAX_TITLE_CHARS: Final = 500
_MAX_TEXT_CHARS: Final = 1_000
_MAX_URL_CHARS: Final = 2_000
_MAX_SIDE: Final = 20_000
_CHARSET: Final = re.compile(rb"<meta[^>]{0,200}?charset=[\"']?([A-Za-z0-9_.:-]{1,40})", re.I)
_SPACES: Final = re.compile(r"\s+")
_VIDEO: Final = ("twitter:player", "og:video", "og:video:url", "og:video:secure_url")
_ARTICLES: Final = frozenset({"Article", "NewsArticle", "BlogPosting", "WebPage", "Report"})


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a page. `creator` is the fediverse name it gives (`@user@host`)."""

    title: str = ""
    description: str = ""
    language: str | None = None
    author_name: str = ""
    author_url: str = ""
    provider_name: str = ""
    image_url: str | None = None
    image_alt: str = ""
    width: int = 0
    height: int = 0
    published_at: datetime | None = None
    creator: str = ""
    oembed_url: str | None = None
    has_video: bool = False


@dataclass
class _Found:
    metas: dict[str, str] = field(default_factory=dict)
    title: str = ""
    language: str = ""
    oembed: str = ""
    linked_data: list[str] = field(default_factory=list)


def decoded(body: bytes, content_type: str) -> str:
    """Give the text of a page in the charset it declares; what does not fit is replaced."""
    declared = re.search(r"charset=[\"']?([A-Za-z0-9_.:-]{1,40})", content_type)
    within = _CHARSET.search(body[:4_096])
    name = declared[1] if declared else within[1].decode() if within else "utf-8"
    try:
        return body.decode(name, "replace")[:MAX_PAGE_CHARS]
    except (LookupError, ValueError):
        return body.decode("utf-8", "replace")[:MAX_PAGE_CHARS]


def read_page(text: str, url: str) -> Page:
    """Read what the page at `url` says of itself. Takes time by its length: not on the loop."""
    reader = _Reader()
    reader.feed(text)
    found = reader.found
    metas, data = found.metas, _article(found.linked_data)
    return Page(
        title=_text(
            _first(metas, "og:title", "twitter:title") or found.title or data.title,
            _MAX_TITLE_CHARS,
        ),
        description=_text(
            _first(metas, "og:description", "twitter:description", "description") or data.text
        ),
        language=_language(found.language or _first(metas, "og:locale")),
        author_name=_text(_first(metas, "author", "article:author:name") or data.author_name, 200),
        author_url=_address(_first(metas, "article:author") or data.author_url, url) or "",
        provider_name=_text(_first(metas, "og:site_name") or data.publisher, 200),
        image_url=_address(
            _first(metas, "og:image:secure_url", "og:image", "og:image:url", "twitter:image")
            or data.image,
            url,
        ),
        image_alt=_text(_first(metas, "og:image:alt", "twitter:image:alt")),
        width=_side(_first(metas, "og:image:width")),
        height=_side(_first(metas, "og:image:height")),
        published_at=_time(_first(metas, "article:published_time") or data.published),
        creator=_first(metas, "fediverse:creator").strip()[:200],
        oembed_url=_address(found.oembed, url),
        has_video=bool(_first(metas, *_VIDEO)),
    )


def with_oembed(page: Page, body: bytes, url: str) -> Page:
    """Fill what `page` leaves open from its oEmbed document (oembed.com §2.3), but for `html`:
    code of other people is not passed on."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        return page

    def said(name: str) -> str:
        value = told.get(name)
        return value if isinstance(value, str) else ""

    return replace(
        page,
        title=page.title or _text(said("title"), _MAX_TITLE_CHARS),
        author_name=page.author_name or _text(said("author_name"), 200),
        author_url=page.author_url or _address(said("author_url"), url) or "",
        provider_name=page.provider_name or _text(said("provider_name"), 200),
        image_url=page.image_url or _address(said("thumbnail_url"), url),
        has_video=page.has_video or said("type") == "video",
    )


class _Reader(HTMLParser):
    """Collects from the head of a page; what stands there twice counts the first time."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = _Found()
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        kind = given.get("type", "").lower()
        if tag == "meta":
            self._meta(given)
        elif tag == "html":
            self.found.language = given.get("lang", "")
        elif tag == "link" and kind == "application/json+oembed" and not self.found.oembed:
            self.found.oembed = given.get("href", "")
        elif tag == "title" and not self.found.title:
            self._within = "title"
        elif tag == "script" and kind == "application/ld+json":
            self._within = "data"

    def _meta(self, given: Mapping[str, str]) -> None:
        name = (given.get("property") or given.get("name") or "").lower()
        value = given.get("content", "")
        if name and value and len(self.found.metas) < _MAX_VALUES:
            self.found.metas.setdefault(name, value[:_MAX_VALUE_CHARS])

    def handle_data(self, data: str) -> None:
        if self._within == "title":
            self.found.title += data[:_MAX_VALUE_CHARS]
        elif self._within == "data" and len(data) <= _MAX_LD_CHARS:
            self.found.linked_data.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("title", "script", "head"):
            self._within = ""


@dataclass(frozen=True, slots=True)
class _Article:
    title: str = ""
    text: str = ""
    author_name: str = ""
    author_url: str = ""
    publisher: str = ""
    image: str = ""
    published: str = ""


def _article(texts: list[str]) -> _Article:
    """Read the first article of JSON-LD (schema.org), in its usual form only."""
    for text in texts[:5]:
        for node in _nodes(text):
            kinds = node.get("@type")
            kinds = kinds if isinstance(kinds, list) else [kinds]
            if any(isinstance(kind, str) and kind in _ARTICLES for kind in kinds):
                return _Article(
                    title=_of(node, "headline") or _of(node, "name"),
                    text=_of(node, "description"),
                    author_name=_of(_one(node.get("author")), "name"),
                    author_url=_of(_one(node.get("author")), "url"),
                    publisher=_of(_one(node.get("publisher")), "name"),
                    image=_of(_one(node.get("image")), "url"),
                    published=_of(node, "datePublished"),
                )
    return _Article()


def _nodes(text: str) -> Iterator[dict[str, Any]]:
    try:
        told = msgspec.json.decode(text.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError):
        return
    if isinstance(told, dict) and isinstance(told.get("@graph"), list):
        told = told["@graph"]
    for node in told[:50] if isinstance(told, list) else [told]:
        if isinstance(node, dict):
            yield node


def _one(value: Any) -> dict[str, Any]:
    value = value[0] if isinstance(value, list) and value else value
    if isinstance(value, str):
        return {"name": value, "url": value}
    return value if isinstance(value, dict) else {}


def _of(node: Mapping[str, Any], name: str) -> str:
    value = node.get(name)
    return value if isinstance(value, str) else ""


def _first(metas: Mapping[str, str], *names: str) -> str:
    return next((metas[name] for name in names if metas.get(name, "").strip()), "")


def _text(value: str, most: int = _MAX_TEXT_CHARS) -> str:
    plain = value.replace("\0", "").encode("utf-8", "replace").decode()
    return _SPACES.sub(" ", plain).strip()[:most]


def _address(value: str, base: str) -> str | None:
    """Give an absolute http(s) address, or None."""
    try:
        joined = urljoin(base, value.strip())
        split = urlsplit(joined)
    except ValueError:
        return None
    good = split.scheme in ("http", "https") and split.hostname and joined.isprintable()
    return joined if value.strip() and good and len(joined) <= _MAX_URL_CHARS else None


def _language(value: str) -> str | None:
    code = re.split(r"[-_]", value.strip().lower())[0]
    return code if re.fullmatch(r"[a-z]{2,3}", code) else None


def _side(value: str) -> int:
    digits = value.strip()
    return min(int(digits), _MAX_SIDE) if digits.isascii() and digits[:6].isdigit() else 0


def _time(value: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(value.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None

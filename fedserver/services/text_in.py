"""Text that comes from outside, made safe once, when it is stored.

HTML goes through an allow-list after Mastodon's (sanitize_config: MASTODON_STRICT). When the
rules change, `storage.cleaning.SANITISER_VERSION` goes up and what is stored is cleaned again.
"""

import html as entities
import re

import nh3

from fedserver.services.honest_links import with_honest_text
from fedserver.services.invisible import cut_line, says_nothing, visible_html, visible_line
from fedserver.services.maths import with_formulas_as_text

MAX_HTML_CHARS = 500_000
MAX_DEPTH = 64
# A parser repeats unclosed formatting elements in every paragraph that follows, so its output
# can grow with the product of these two numbers. Documents beyond them become plain text.
MAX_TAGS = 8_000
MAX_ATTRIBUTED_FORMATTING = 32
# An entity costs the parser microseconds and an escaped ampersand grows fivefold.
MAX_ENTITIES = 20_000
MAX_FALLBACK_CHARS = 100_000
MAX_URL_CHARS = 4_096
MAX_HASHTAG_CHARS = 100


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


_LINK_REL = "nofollow noopener noreferrer"
_KEPT_TAGS = _words("p br span a del s pre blockquote code b strong u i em ul ol li ruby rt rp")
# Kept by the parser only to be rewritten afterwards.
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS = _words(
    "address article aside details dd div dl dt figcaption figure footer header hr main nav"
    " section summary table td th tr"
)
_DROPPED_WITH_CONTENT = _words(
    "audio canvas embed iframe math noembed noframes noscript object script select style svg"
    " template textarea title video"
)
_ATTRIBUTES = {
    "*": {"lang", "dir"},
    "a": {"href", "rel", "class", "translate"},
    "span": {"class", "translate"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "img": {"alt"},
}
_CLASS = re.compile(
    r"(?:(?:h|p|u|dt|e)-[\w-]{1,40}|mention|hashtag|invisible|ellipsis|quote-inline)",
    re.ASCII,
)
_FIELD_CLASS = re.compile(r"(?:h-card|u-url|mention|hashtag)", re.ASCII)
_VALUES = {
    "translate": re.compile(r"no"),
    "dir": re.compile(r"ltr|rtl|auto"),
    "lang": re.compile(r"[A-Za-z0-9-]{1,35}"),
    "start": re.compile(r"-?[0-9]{1,6}"),
    "value": re.compile(r"-?[0-9]{1,6}"),
    "reversed": re.compile(r"(?:reversed)?"),
}

# These read the parser's own output, in which "<" begins a tag and nothing else.
_LINK = re.compile(r"<a( [^>]*)>")
_HASHTAG_CLASS = re.compile(r' class="(?:[^"]* )?hashtag[ "]')
_IMAGE = re.compile(r'<img(?: [^>]*?alt="([^"]*)")?[^>]*>')
_HEADING = re.compile(r"<(/?)h[1-6](?: [^>]*)?>")
_REWRITTEN = re.compile(rf"<(?:img|h[1-6]|{'|'.join(sorted(_BLOCKS))})[ >]")
_BLOCK = re.compile(rf"(?:</?(?:{'|'.join(sorted(_BLOCKS))})(?: [^>]*)?>\s*)+")
_TAG = re.compile(r"<(/?)([a-z0-9]+)[^>]*>")

# These read anything.
_ATTRIBUTED_FORMATTING = re.compile(
    r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)[\t\n\f\r /]",
    re.IGNORECASE,
)
_RAW_TAG = re.compile(r"<[^<>]*>")
_NAME_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<!--[^<>]*-->")
_BLANKS = re.compile(r"\s+")
_LINE_START = re.compile(r"<(?:br|li|tr|dt|dd|div|pre)\b[^<>]{0,200}>", re.IGNORECASE)
_PARAGRAPH_EDGE = re.compile(
    r"</?(?:p|h[1-6]|blockquote|ul|ol|table)\b[^<>]{0,200}>", re.IGNORECASE
)
_SPACES_AT_LINE = re.compile(r" ?\n ?")
_MANY_LINES = re.compile(r"\n{3,}")

# "https://bank.example@evil.example/" leads to the second and reads like the first.
_USER_IN_URL = re.compile(r"\s*https?:[/\\]*[^/?#\\]*@", re.IGNORECASE)
_NO_HASHTAG_CHAR = re.compile("[^\\w\u00b7\u30fb\u200c]")


def _keep_classes(allowed: re.Pattern[str], value: str) -> str | None:
    return " ".join(name for name in value.split() if allowed.fullmatch(name)) or None


def _keep_attribute(_tag: str, name: str, value: str) -> str | None:
    if name == "href":
        honest = len(value) <= MAX_URL_CHARS and _USER_IN_URL.match(value) is None
        return value.strip() if honest else None
    if name == "class":
        return _keep_classes(_CLASS, value)
    if name == "rel":
        return "tag" if "tag" in value.split() else None
    if name == "alt":
        return value[:1500]
    # The parser asks about attributes of elements that it is going to drop, too.
    pattern = _VALUES.get(name)
    return value if pattern is not None and pattern.fullmatch(value) else None


def _keep_field_attribute(tag: str, name: str, value: str) -> str | None:
    if name == "class":
        return _keep_classes(_FIELD_CLASS, value)
    return _keep_attribute(tag, name, value)


_CLEANER = nh3.Cleaner(
    tags=set(_KEPT_TAGS | _HEADINGS | _BLOCKS | {"img"}),
    clean_content_tags=set(_DROPPED_WITH_CONTENT),
    attributes=_ATTRIBUTES,
    attribute_filter=_keep_attribute,
    link_rel=None,
    url_schemes={"http", "https"},
    url_relative="deny",
)
# Fields hold one line whose link must show where it leads: no hidden parts, no formatting.
_FIELD_CLEANER = nh3.Cleaner(
    tags={"a", "span"},
    clean_content_tags=set(_DROPPED_WITH_CONTENT),
    attributes={name: _ATTRIBUTES[name] for name in ("*", "a", "span")},
    attribute_filter=_keep_field_attribute,
    link_rel=None,
    url_schemes={"http", "https"},
    url_relative="deny",
)
_TEXT_CLEANER = nh3.Cleaner(
    tags=set(), clean_content_tags=set(_DROPPED_WITH_CONTENT), link_rel=None
)


def clean_html(html: str) -> str:
    """Return what may be shown of `html`, the content of a post or a biography.

    The result is well-formed, at most `MAX_DEPTH` deep and stable under another cleaning.
    Input beyond `MAX_HTML_CHARS` is cut; a document made to overload a parser becomes text.
    """
    source = visible_html(_encodable(html[:MAX_HTML_CHARS]))
    if not _affordable(source):
        return _as_text_only(source)
    cleaned = _CLEANER.clean(with_formulas_as_text(source))
    if _REWRITTEN.search(cleaned):
        cleaned = _CLEANER.clean(_rewritten(cleaned))
    return _finished(cleaned)


def clean_field_value(html: str) -> str:
    """Return the value of a profile field: text and links on one line, nothing hidden."""
    source = visible_html(_encodable(html[:MAX_HTML_CHARS]))
    if not _affordable(source):
        return _as_text_only(source)
    cleaned = _FIELD_CLEANER.clean(_LINE_START.sub(" ", source))
    return _finished(_BLANKS.sub(" ", cleaned).strip())


def clean_plain(text: str, max_chars: int) -> str:
    """Return one line of plain text: a display name, a content warning, the name of a field.

    Tags go (also those written with entities), entities are decoded once, control characters,
    bidirectional overrides and hidden characters go, blanks collapse, and the length is cut
    to `max_chars`. "I <3 you" stays what it is.
    """
    source = _encodable(text[: max_chars * 20 + 1_000])
    plain = _NAME_TAG.sub("", entities.unescape(_NAME_TAG.sub(" ", source)))
    line = cut_line(_BLANKS.sub(" ", visible_line(_encodable(plain))).strip(), max_chars)
    return "" if says_nothing(line) else line


def clean_hashtag(name: str) -> str:
    """Return a hashtag without its mark and what none may hold; empty if nothing is left.

    Mastodon: Tag::HASHTAG_INVALID_CHARS_RE.
    """
    kept = _NO_HASHTAG_CHAR.sub("", _encodable(name[: 10 * MAX_HASHTAG_CHARS]).strip())
    return "" if len(kept) > MAX_HASHTAG_CHARS or kept.isdigit() else kept


def html_to_text(html: str) -> str:
    """Return `html` as plain text with line ends: for search, notifications and as a source."""
    source = _encodable(html[:MAX_HTML_CHARS])
    preformatted = "<pre" in source
    if not preformatted:
        source = _BLANKS.sub(" ", source)
    source = _PARAGRAPH_EDGE.sub("\n\n", _LINE_START.sub("\n", source))
    stripped = _TEXT_CLEANER.clean(source) if _affordable(source) else _RAW_TAG.sub("", source)
    text = entities.unescape(stripped).replace("\x00", "")
    if not preformatted:
        text = _SPACES_AT_LINE.sub("\n", text)
    return _MANY_LINES.sub("\n\n", text).strip()


def _finished(cleaned: str) -> str:
    if _too_deep(cleaned):
        return _as_text_only(cleaned)
    # Again, since what was written as an entity is a character by now.
    return with_honest_text(_LINK.sub(_finished_link, visible_html(cleaned)))


def _encodable(text: str) -> str:
    """Replace lone surrogates, on which the parser and the database would raise."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text


def _affordable(source: str) -> bool:
    if source.count("<") > MAX_TAGS or source.count("&") > MAX_ENTITIES:
        return False
    if source.count("<") <= MAX_ATTRIBUTED_FORMATTING:
        return True
    return len(_ATTRIBUTED_FORMATTING.findall(source)) <= MAX_ATTRIBUTED_FORMATTING


def _too_deep(cleaned: str) -> bool:
    if cleaned.count("<") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _TAG.finditer(cleaned):
        if match[2] != "br":
            depth += -1 if match[1] else 1
        if depth > MAX_DEPTH:
            return True
    return False


def _as_text_only(source: str) -> str:
    text = visible_html(_encodable(entities.unescape(_RAW_TAG.sub(" ", source))))
    line = _BLANKS.sub(" ", text).strip()[:MAX_FALLBACK_CHARS]
    return f"<p>{entities.escape(line, quote=False)}</p>"


def _rewritten(cleaned: str) -> str:
    """Turn images into their descriptions, headings into strong lines, blocks into blanks."""
    cleaned = _IMAGE.sub(lambda match: match[1] or "", cleaned)
    cleaned = _HEADING.sub(lambda match: "</strong></p>" if match[1] else "<p><strong>", cleaned)
    return _BLOCK.sub(" ", cleaned)


def _finished_link(match: re.Match[str]) -> str:
    attributes = match[1]
    if " href=" not in attributes:
        return match[0]
    is_tag = ' rel="tag"' in attributes or _HASHTAG_CLASS.search(attributes)
    rel = f"tag {_LINK_REL}" if is_tag else _LINK_REL
    kept = attributes.replace(' rel="tag"', "")
    return f'<a{kept} rel="{rel}" target="_blank">'

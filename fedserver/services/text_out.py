"""What our people write: plain text, its mentions, hashtags and links, and the HTML of it.

The rules and the markup are Mastodon's (TextFormatter, Account::MENTION_RE,
Tag::HASHTAG_RE, StatusLengthValidator), because clients recognise posts by them. Everything
here reads the text once, from left to right; what a trigger character may look ahead is
bounded.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

LINK_LENGTH = 23
MAX_HASHTAG_CHARS = 100
MAX_LINK_CHARS = 4_096
_SHOWN_LINK_CHARS = 30

_TRIGGER = re.compile(r"https?://|@|[#\uff03]", re.IGNORECASE)
_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,98}[A-Za-z0-9_])?"
_DOMAIN = r"\w(?:[\w.-]{0,251}\w)?(?::[0-9]{1,5}(?![\w:]))?"
_MENTION = re.compile(rf"@({_NAME})(?![A-Za-z0-9_])(?:@({_DOMAIN})(?!\w))?")
_HOST = re.compile(
    r"(?:(?:\w(?:[\w-]{0,61}\w)?\.){1,20}\w(?:[\w-]{0,61}\w)?|localhost|\[[0-9a-f:.]{2,45}\])"
    r"(?![\w@-])(?::[0-9]{1,5}(?![\w@]))?",
    re.IGNORECASE,
)
_LINK_TAIL = re.compile(rf'[/?#][^\s<>"\x00-\x1f\x7f]{{0,{MAX_LINK_CHARS}}}')
_LINK_PREFIX = re.compile(r"https?://(?:www\.)?", re.IGNORECASE)
_CLOSERS = {")": "(", "]": "[", "}": "{"}
_NEVER_LAST = frozenset("?!*\"'.,:;<>|~‘’“”«»「」『』、。，．！？；：…")
_HASHTAG_INNER = frozenset("_\u00b7\u30fb\u200c\u200d")
_EMOJI = re.compile(r"(?<![^\W_])(?<!:):([a-zA-Z0-9_]{2,}):(?![^\W_]|:)")
_NEWLINES = re.compile(r"\n\n+")

MentionKey = tuple[str, str | None]


class MentionedName(NamedTuple):
    """A mention as it was written: `domain` is None for a bare @name."""

    username: str
    domain: str | None

    @property
    def key(self) -> MentionKey:
        """The lower-case form, under which targets are looked up."""
        return self.username.lower(), self.domain.lower() if self.domain else None


@dataclass(frozen=True, slots=True)
class MentionTarget:
    """An account that a mention was found to mean: the page it links to, and its names."""

    url: str
    username: str
    acct: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What a text refers to, each once, in the order and spelling of first appearance."""

    mentions: tuple[MentionedName, ...]
    hashtags: tuple[str, ...]
    links: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    item: "MentionedName | _Hashtag | _Link"


class _Hashtag(str):
    __slots__ = ()


class _Link(str):
    __slots__ = ()


def scan(text: str) -> Scan:
    """Find the mentions, hashtags and links of `text`."""
    mentions: dict[MentionKey, MentionedName] = {}
    hashtags: dict[str, str] = {}
    links: dict[str, str] = {}
    for found in _find(text):
        item = found.item
        if isinstance(item, MentionedName):
            mentions.setdefault(item.key, item)
        elif isinstance(item, _Hashtag):
            hashtags.setdefault(item.casefold(), str(item))
        else:
            links.setdefault(item, str(item))
    return Scan(tuple(mentions.values()), tuple(hashtags.values()), tuple(links.values()))


def render(
    text: str,
    *,
    mentions: Mapping[MentionKey, MentionTarget],
    hashtag_url: Callable[[str], str],
    local_domain: str,
) -> str:
    """Return the HTML of a post. Mentions without a target stay text.

    `mentions` is keyed by (username, domain) in lower case; the domain is None for our own
    accounts, which may also be written with `local_domain`.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").strip()
    if not text:
        return ""
    marked = _Markup(mentions, hashtag_url, local_domain.lower())
    parts: list[str] = []
    position = 0
    for found in _find(text):
        parts.append(escape(text[position : found.start], quote=False))
        parts.append(marked.of(found.item, text[found.start : found.end]))
        position = found.end
    parts.append(escape(text[position:], quote=False))
    paragraphs = _NEWLINES.split("".join(parts))
    return "".join(f"<p>{part.replace(chr(10), '<br>')}</p>" for part in paragraphs)


def length(text: str) -> int:
    """Count `text` as Mastodon does: a link is 23, of a remote mention only @name counts.

    What is counted are grapheme clusters, nearly as UAX #29 has them: an emoji sequence or a
    letter with its marks is one.
    """
    total = 0
    position = 0
    for found in _find(text):
        if isinstance(found.item, _Hashtag):
            continue
        total += _graphemes(text[position : found.start])
        if isinstance(found.item, MentionedName):
            total += 1 + len(found.item.username)
        else:
            total += LINK_LENGTH
        position = found.end
    return total + _graphemes(text[position:])


def emoji_shortcodes(text: str) -> tuple[str, ...]:
    """Return the custom emoji that `text` may use, without colons, each once.

    Mastodon: CustomEmoji::SCAN_RE.
    """
    return tuple(dict.fromkeys(_EMOJI.findall(text)))


def _find(text: str) -> Iterator[_Found]:
    position = 0
    while (trigger := _TRIGGER.search(text, position)) is not None:
        start = trigger.start()
        before = text[start - 1] if start else ""
        if trigger[0] == "@":
            found = _mention(text, start, before)
        elif len(trigger[0]) == 1:
            found = _hashtag(text, start, before)
        else:
            found = _link(text, start, trigger.end(), before)
        if found is not None:
            yield found
        position = found.end if found is not None else trigger.end()


def _mention(text: str, start: int, before: str) -> _Found | None:
    if before and (_is_word(before) or before in "=/"):
        return None
    match = _MENTION.match(text, start)
    if match is None:
        return None
    return _Found(start, match.end(), MentionedName(match[1], match[2]))


def _hashtag(text: str, start: int, before: str) -> _Found | None:
    if before and (_is_word(before) or before in "=/)"):
        return None
    end = start + 1
    limit = min(len(text), end + MAX_HASHTAG_CHARS + 1)
    while end < limit and (_is_word(text[end]) or text[end] in _HASHTAG_INNER):
        end += 1
    if end - start - 1 > MAX_HASHTAG_CHARS:
        return None
    name = text[start + 1 : end].rstrip("\u00b7\u30fb\u200c\u200d")
    if not name or not _is_hashtag(name):
        return None
    return _Found(start, start + 1 + len(name), _Hashtag(name))


def _is_hashtag(name: str) -> bool:
    return _is_word(name[0]) and any(
        char.isalpha() or unicodedata.category(char) == "Nl" for char in name
    )


def _link(text: str, start: int, after_scheme: int, before: str) -> _Found | None:
    if before and ((before.isascii() and before.isalnum()) or before in "@$#\uff20\uff03=/"):
        return None
    host = _HOST.match(text, after_scheme)
    if host is None:
        return None
    tail = _LINK_TAIL.match(text, host.end())
    end = _trimmed(text, host.end(), tail.end()) if tail else host.end()
    return _Found(start, end, _Link(text[start:end]))


def _trimmed(text: str, start: int, end: int) -> int:
    """Leave punctuation and closing brackets without a partner outside of the link."""
    surplus = {
        closer: text.count(closer, start, end) - text.count(opener, start, end)
        for closer, opener in _CLOSERS.items()
    }
    while end > start:
        last = text[end - 1]
        if surplus.get(last, 0) > 0:
            surplus[last] -= 1
        elif last not in _NEVER_LAST:
            break
        end -= 1
    return end


def _is_word(char: str) -> bool:
    return char.isalnum() or char == "_" or unicodedata.category(char)[0] == "M"


class _Markup:
    """Writes the elements that Mastodon's clients recognise."""

    def __init__(
        self,
        mentions: Mapping[MentionKey, MentionTarget],
        hashtag_url: Callable[[str], str],
        local_domain: str,
    ) -> None:
        self._mentions = mentions
        self._hashtag_url = hashtag_url
        self._local_domain = local_domain
        self._namesakes = _namesakes(mentions)

    def of(self, item: MentionedName | _Hashtag | _Link, written: str) -> str:
        """Return the HTML of `item`, which stands as `written` in the text."""
        if isinstance(item, MentionedName):
            return self._mention(item, written)
        if isinstance(item, _Hashtag):
            return self._hashtag(item)
        return link_html(item)

    def _mention(self, name: MentionedName, written: str) -> str:
        username, domain = name.key
        target = self._mentions.get(
            (username, None if domain == self._local_domain else domain)
        ) or self._mentions.get((username, domain))
        if target is None:
            return escape(written, quote=False)
        shown = target.acct if username in self._namesakes else target.username
        return (
            f'<span class="h-card" translate="no"><a href="{escape(target.url)}" '
            f'class="u-url mention">@<span>{escape(shown)}</span></a></span>'
        )

    def _hashtag(self, name: str) -> str:
        return (
            f'<a href="{escape(self._hashtag_url(name))}" class="mention hashtag" rel="tag">'
            f"#<span>{escape(name)}</span></a>"
        )


def _namesakes(mentions: Mapping[MentionKey, MentionTarget]) -> frozenset[str]:
    """Return the usernames that more than one of the mentioned accounts bears."""
    urls: dict[str, set[str]] = {}
    for (username, _), target in mentions.items():
        urls.setdefault(username, set()).add(target.url)
    return frozenset(username for username, found in urls.items() if len(found) > 1)


def link_html(url: str) -> str:
    """Give a link whose text is the URL, of which apps show the part that tells most."""
    prefix = _LINK_PREFIX.match(url)
    start = prefix.end() if prefix else 0
    end = start + _SHOWN_LINK_CHARS
    shown_class = "ellipsis" if len(url) > end else ""
    return (
        f'<a href="{escape(url)}" rel="nofollow noopener" target="_blank" translate="no">'
        f'<span class="invisible">{escape(url[:start])}</span>'
        f'<span class="{shown_class}">{escape(url[start:end])}</span>'
        f'<span class="invisible">{escape(url[end:])}</span></a>'
    )


def _graphemes(text: str) -> int:
    if text.isascii():
        return len(text) - text.count("\r\n")
    count = 0
    joined = False
    flag_open = False
    before = ""
    for char in text:
        flag = "\U0001f1e6" <= char <= "\U0001f1ff"
        extends = _extends(char) or (before == "\r" and char == "\n")
        if not before or not (extends or joined or (flag and flag_open)):
            count += 1
            flag_open = flag
        else:
            flag_open = False
        joined = char == "\u200d"
        before = char
    return count


def _extends(char: str) -> bool:
    """True if `char` belongs to the letter or emoji before it."""
    if char < "\u0300":
        return False
    return (
        unicodedata.category(char)[0] == "M"
        or char in "\u200c\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\U000e0020" <= char <= "\U000e007f"
        or "\u1160" <= char <= "\u11ff"
    )

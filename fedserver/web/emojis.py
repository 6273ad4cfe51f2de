"""Custom emoji: pictures in the place of `:shortcodes:`."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from markupsafe import Markup, escape

_SHORTCODE: Final = re.compile(
    r"(?<![A-Za-z0-9]):([A-Za-z0-9_.+-]{1,128}):(?![A-Za-z0-9])", re.ASCII
)
# Clean HTML writes no "<" but to begin a tag; an attribute's value may hold a ">".
_TAG: Final = re.compile(r"""(<(?:[^<>"']|"[^"]*"|'[^']*')*>)""")
_WEB: Final = ("https://", "http://")


def with_emojis(text: str, emojis: Iterable[Mapping[str, Any]]) -> Markup:
    """Give `text` as HTML in which `emojis` (CustomEmoji) are pictures.

    Clean HTML is given as Markup, and only its text changes; what is plain is escaped first.
    Mastodon: EmojiFormatter.
    """
    html = escape(text)
    pictures = {str(one["shortcode"]): _picture(one) for one in emojis if is_web_link(one["url"])}
    if not pictures or ":" not in html:
        return html
    parts = _TAG.split(html)
    for place in range(0, len(parts), 2):
        parts[place] = _drawn(parts[place], pictures)
    return Markup("".join(parts))


def is_web_link(url: object) -> bool:
    """Say whether `url` leads to the web, and not to a script."""
    return isinstance(url, str) and url.lower().startswith(_WEB)


def _drawn(text: str, pictures: Mapping[str, str]) -> str:
    return _SHORTCODE.sub(lambda found: pictures.get(found[1], found[0]), text)


def _picture(emoji: Mapping[str, Any]) -> str:
    name = escape(f":{emoji['shortcode']}:")
    url = escape(emoji["url"])
    return f'<img class="emoji" src="{url}" alt="{name}" title="{name}" loading="lazy">'

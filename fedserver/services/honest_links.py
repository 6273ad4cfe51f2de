"""Links whose text names one host and whose address leads to another say where they lead.

Works on the parser's own output, in which "<" begins a tag and nothing else.
"""

import html as entities
import re

from activitypub.errors import DocumentError
from activitypub.origins import host_of

_ANCHOR = re.compile(r'(<a(?: [^>]*)? href="([^"]*)"[^>]*>)(.*?)</a>', re.DOTALL)
# Browsers skip line ends and tabs, and take a backslash and any number of slashes for "//".
_HREF = re.compile(r"(https?):[/\\]*([^/\\?#]*)", re.IGNORECASE)
_SKIPPED = re.compile(r"[\t\r\n]")
_TAG = re.compile(r"<[^>]*>")
# What a reader takes for an address: with a scheme or "www." anywhere, a bare name if it is all.
_SCHEME = re.compile(r"(?:https?|hxxps?)\s?:[/\\\s]{1,4}|\bwww\.", re.IGNORECASE)
_BARE = re.compile(r"(?:[^\s/@:?#<>()\[\]]{1,63}\.){1,10}[^\W\d_]{2,24}(?::\d{1,5})?(?:[/?#…]\S*)?")
_AUTHORITY_END = re.compile(r"[/?#\\\s<>()\[\]\"'…]")
_MAX_SHOWN_CHARS = 2_000


def with_honest_text(html: str) -> str:
    """Append the real host, in brackets, to the text of links that name another one.

    Stable: what was appended once is not appended again.
    """
    return _ANCHOR.sub(_honest, html) if "<a " in html else html


def _honest(match: re.Match[str]) -> str:
    opening, href, inner = match.groups()
    try:
        real = _host_of(entities.unescape(href))
    except DocumentError:
        # No program of ours can say where it leads, so it leads nowhere.
        return f"<a>{inner}</a>"
    shown = entities.unescape(_TAG.sub("", inner)).strip()
    told = f"[{real}]"
    if shown.endswith(told) or not _names_another(shown[:_MAX_SHOWN_CHARS], real):
        return match[0]
    return f"{opening}{inner} {entities.escape(told)}</a>"


def _host_of(href: str) -> str:
    address = _HREF.match(_SKIPPED.sub("", href.strip()))
    if address is None:
        raise DocumentError("not a web address")
    return host_of(f"{address[1].lower()}://{address[2]}")


def _names_another(shown: str, real: str) -> bool:
    named = _host_in(shown)
    if named is None:
        return False
    try:
        host = host_of(f"https://{named}")
    except DocumentError:
        return True
    return _bare(host) != _bare(real)


def _host_in(shown: str) -> str | None:
    """Return the host that `shown` seems to lead to, as far as it can be told."""
    scheme = _SCHEME.search(shown)
    if scheme is not None:
        rest = shown[scheme.start() if scheme[0].lower() == "www." else scheme.end() :]
    elif _BARE.fullmatch(shown):
        rest = shown
    else:
        return None
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    return authority.rpartition("@")[2].rstrip(".,;:!") or None


def _bare(host: str) -> str:
    """A host without its port and without "www.", which people leave out."""
    name = host if host.endswith("]") else host.partition(":")[0]
    return name.removeprefix("www.")

"""Web Host Metadata (RFC 6415): where a host's WebFinger is, for peers that still ask."""

import html
import re
from typing import Final
from xml.sax.saxutils import quoteattr

from activitypub.webfinger import is_http_url

XRD_TYPE: Final = "application/xrd+xml"
REL_LRDD: Final = "lrdd"
MAX_DOCUMENT_CHARS: Final = 64 * 1024
MAX_LINKS: Final = 64

_LINK: Final = re.compile(r"<(?:[A-Za-z0-9]{1,16}:)?Link\s([^<>]{1,4096})>")
_ATTRIBUTE: Final = re.compile(r"""\b(rel|template)\s{0,8}=\s{0,8}(?:"([^"]*)"|'([^']*)')""")


def _template(base_url: str) -> str:
    return f"{base_url}/.well-known/webfinger?resource={{uri}}"


def host_meta_xml(base_url: str) -> str:
    """The XRD document of a host, for "https://host" (RFC 6415 §3)."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<XRD xmlns="http://docs.oasis-open.org/ns/xri/xrd-1.0">\n'
        f'  <Link rel="{REL_LRDD}" template={quoteattr(_template(base_url))}/>\n'
        "</XRD>\n"
    )


def host_meta_json(base_url: str) -> dict[str, object]:
    """The JRD form of the same document (RFC 6415 appendix A)."""
    return {"links": [{"rel": REL_LRDD, "template": _template(base_url)}]}


def parse_host_meta_template(text: str) -> str | None:
    """The WebFinger URL template in a peer's XRD document, or None.

    No XML parser sees the text: XML from strangers means entity expansion and external entities.
    The template is an http(s) URL with "{uri}" in it; whether that host may be asked is the
    caller's question.
    """
    if len(text) > MAX_DOCUMENT_CHARS:
        return None
    for number, link in enumerate(_LINK.finditer(text)):
        if number >= MAX_LINKS:
            return None
        attributes = {a[1]: html.unescape(a[2] or a[3] or "") for a in _ATTRIBUTE.finditer(link[1])}
        template = attributes.get("template", "")
        if attributes.get("rel") == REL_LRDD and "{uri}" in template and is_http_url(template):
            return template
    return None

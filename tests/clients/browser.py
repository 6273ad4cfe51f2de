"""The part of a browser that signing in takes: follow redirects, keep cookies, send forms."""

import re
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin

import requests


class _Form(HTMLParser):
    """Reads the first form of a page that is sent by POST."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and values.get("method", "").lower() == "post" and self.action is None:
            self.action, self._inside = values.get("action", ""), True
        elif tag == "input" and self._inside and values.get("type") not in ("submit", "checkbox"):
            self.fields[values.get("name", "")] = values.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


class Browser:
    """A session with cookies."""

    def __init__(self) -> None:
        self._session = requests.Session()

    def open(self, url: str) -> requests.Response:
        return self._session.get(url, headers={"Accept": "text/html"}, timeout=20)

    def submit(
        self, page: requests.Response, *, follow: bool = True, **filled: str
    ) -> requests.Response:
        """Send the page's form with `filled` over what it holds."""
        form = _Form()
        form.feed(page.text)
        assert form.action is not None, page.text
        return self._session.post(
            urljoin(page.url, unescape(form.action)),
            data=form.fields | filled,
            headers={"Accept": "text/html"},
            allow_redirects=follow,
            timeout=20,
        )


def shown_code(page: requests.Response) -> str:
    """Give the authorization code that an out-of-band page shows."""
    found = re.search(
        r'<(?:code|input)[^>]*?(?:value="([^"]{20,})"|>\s*([\w-]{20,})\s*<)', page.text
    )
    assert found is not None, page.text
    return found[1] or found[2]

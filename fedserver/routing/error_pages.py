"""The page that a person sees instead of what they asked for. Plain, so that it cannot fail."""

from html import escape
from typing import Final

from aiohttp import web

PAGE_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action 'self'"
)
# No Cross-Origin-Opener-Policy: a web client that signs in through a pop-up would lose it.
PAGE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
}
_TITLES: Final = {
    400: "That request makes no sense",
    401: "Please sign in",
    403: "This is not allowed",
    404: "There is nothing here",
    405: "That does not work here",
    410: "This is gone",
    413: "That is too large",
    414: "That address is too long",
    422: "That did not work",
    429: "Too many tries",
    503: "Not available just now",
}
_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="stylesheet" href="/static/fedserver.css">
</head>
<body>
<main class="card error">
<p class="error-number">{status}</p>
<h1>{title}</h1>
<p>{message}</p>
<p><a href="/">To the front page</a></p>
</main>
</body>
</html>
"""


def error_page(status: int, message: str) -> web.Response:
    """Give an HTML page that tells `message`."""
    title = _TITLES.get(status, "Something went wrong")
    page = _PAGE.format(status=status, title=escape(title), message=escape(message))
    return web.Response(
        status=status,
        text=page,
        content_type="text/html",
        charset="utf-8",
        headers={
            **PAGE_HEADERS,
            "Content-Security-Policy": PAGE_POLICY,
            "Cache-Control": "no-store",
        },
    )

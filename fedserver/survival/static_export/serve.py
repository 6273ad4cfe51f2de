"""Serve a static copy of a fedserver instance with nothing but Python: python3 hosting/serve.py

What a plain file host lacks are these few rules: which file a question to WebFinger means, that
addresses under /users/ and /actor are ActivityPub documents, and what Accept asks for.
"""

import re
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ACTIVITY = "application/activity+json; charset=utf-8"
TYPES = [
    (r"/(users/.+|actor)\.json", ACTIVITY),
    (r"/(webfinger/.+\.json|\.well-known/webfinger)", "application/jrd+json"),
    (r"/\.well-known/host-meta", "application/xrd+xml"),
    (r"/(nodeinfo/.+|\.well-known/nodeinfo)", "application/json"),
    (r".+\.atom", "application/atom+xml"),
]


class Handler(SimpleHTTPRequestHandler):
    def send_head(self) -> Any:
        path = urlsplit(self.path).path
        found = re.fullmatch(r"/@([^/]+)(?:/(\d+))?/?", path)
        if found and re.search(r"(activity|ld)\+json", self.headers.get("Accept", "")):
            path = f"/users/{found[1]}" + (f"/statuses/{found[2]}" if found[2] else "")
        if path == "/.well-known/webfinger":
            asked = parse_qs(urlsplit(self.path).query).get("resource", [""])[0]
            who = re.search(r"(?:acct:|/users/|/@)([\w.-]+?)(?:@|/|$)", asked)
            path = f"/webfinger/{who[1].lower()}.json" if who else "/none"
        elif re.fullmatch(r"/(users/.+|actor|nodeinfo/2\.\d)", path):
            path += ".json"
        self.path = path
        return super().send_head()

    def guess_type(self, path: Any) -> str:
        for pattern, kind in TYPES:
            if re.fullmatch(pattern, self.path):
                return kind
        return super().guess_type(path)


if __name__ == "__main__":
    folder = str(Path(__file__).parents[1])
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    ThreadingHTTPServer(
        ("", port), lambda *a, **k: Handler(*a, directory=folder, **k)
    ).serve_forever()

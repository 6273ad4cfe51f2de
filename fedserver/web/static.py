"""Files that never change while the server runs: styles, icons, placeholder pictures."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

from aiohttp import web

_YEAR_S: Final = 31_536_000
_DAY_S: Final = 86_400
_PREFIX: Final = "/static/"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file, whole in memory, and the version that its content has."""

    body: bytes
    content_type: str
    version: str


def add_static(app: web.Application) -> None:
    """Serve `/static/…`, as long cached as the address allows."""
    app.router.add_get(_PREFIX + "{path:.+}", _serve, allow_head=True)


def static_url(path: str) -> str:
    """Give the address of a file in its present version, which may be kept for ever."""
    return f"{_PREFIX}{path}?v={static_files()[path].version}"


@cache
def static_files() -> dict[str, StaticFile]:
    """Give all files by their path. What is not in here is not served, whatever its name."""
    return dict(_read_all(files("fedserver") / "static", ""))


def _read_all(folder: Traversable, prefix: str) -> list[tuple[str, StaticFile]]:
    found: list[tuple[str, StaticFile]] = []
    for entry in folder.iterdir():
        path = prefix + entry.name
        if entry.is_dir():
            found += _read_all(entry, f"{path}/")
        elif not entry.name.startswith((".", "__")):
            found.append((path, _read(entry)))
    return found


def _read(entry: Traversable) -> StaticFile:
    body = entry.read_bytes()
    content_type = mimetypes.guess_type(entry.name)[0] or "application/octet-stream"
    return StaticFile(body, content_type, hashlib.sha256(body).hexdigest()[:16])


async def _serve(request: web.Request) -> web.Response:
    file = static_files().get(request.match_info["path"])
    if file is None:
        raise web.HTTPNotFound
    headers = _headers(file, current=request.query.get("v") == file.version)
    if file.version in request.headers.get("If-None-Match", ""):
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.body, content_type=file.content_type, headers=headers)


def _headers(file: StaticFile, *, current: bool) -> dict[str, str]:
    lifetime = f"max-age={_YEAR_S}, immutable" if current else f"max-age={_DAY_S}"
    return {
        "Cache-Control": f"public, {lifetime}",
        "ETag": f'"{file.version}"',
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    }

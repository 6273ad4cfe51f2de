"""The doors of the instance: its domain, and the other addresses that the settings name.

Whichever a request came by, it meets the same instance under the same names. What a browser or a
client has to fetch next is led through the same door, since the others may be shut to it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from aiohttp import web
from aiohttp.hdrs import HOST

from activitypub.onions import is_onion
from activitypub.origins import host_of
from fedserver.config import Config

_FILES: Final = ("media", "proxy", "static")
_CLIENT_API: Final = ("/api/v1/", "/api/v2/", "/api/fedserver/v1/")
_OAUTH: Final = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class Door:
    """An address of the instance, such as "https://alt.example"."""

    base_url: str
    is_main: bool

    @property
    def has_tls(self) -> bool:
        """Whether browsers reach it over https."""
        return self.base_url.startswith("https://")

    @property
    def is_onion(self) -> bool:
        """Whether it is an onion service."""
        return is_onion(host_of(self.base_url))


def door_of(config: Config, request: web.Request) -> Door:
    """Give the door that the request names in Host; the domain's for every name that is none."""
    doors = _doors(config.base_url, config.server.alternates)
    if len(doors) == 1:
        return doors[""]
    return doors.get(request.headers.get(HOST, "").lower(), doors[""])


def is_own_host(config: Config, host: str) -> bool:
    """Whether `host` ("name" or "name:port") is that of a door."""
    return host in _doors(config.base_url, config.server.alternates)


def own_address(config: Config, url: str) -> str:
    """Give `url` as it is spelt at the domain, if it begins with another of our doors."""
    for base_url in config.server.alternates:
        if url == base_url or url.startswith(f"{base_url}/"):
            return config.base_url + url.removeprefix(base_url)
    return url


@lru_cache(maxsize=64)
def _doors(main: str, alternates: tuple[str, ...]) -> dict[str, Door]:
    first = Door(main, is_main=True)
    others = {host_of(url): Door(url, is_main=False) for url in alternates}
    return {"": first, host_of(main): first} | others if others else {"": first}


def lead_through(config: Config, request: web.Request, response: web.StreamResponse) -> None:
    """Let what follows `response` go through the door that its request came by."""
    if not config.server.alternates:
        return
    door = door_of(config, request)
    _point_to_onion(config, door, request, response)
    if door.is_main:
        return
    _lead_headers(config.base_url, door.base_url, response)
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return
    if response.content_type == "text/html":
        response.body = _html(config.base_url, door.base_url)(response.body)
    elif request.path.startswith(_CLIENT_API):
        response.body = _client_text(config.base_url, door.base_url)(response.body)
    elif request.path == _OAUTH:
        # RFC 8414 §3.3: the issuer is where the metadata was asked for.
        before, after = f'"{config.base_url}/'.encode(), f'"{door.base_url}/'.encode()
        response.body = response.body.replace(before, after)


def client_text(config: Config, request: web.Request) -> Callable[[bytes], bytes] | None:
    """Give what makes JSON for the client that asks of what it is at the domain: files and streams
    come from its own door. None where nothing changes."""
    door = door_of(config, request)
    return None if door.is_main else _client_text(config.base_url, door.base_url)


@lru_cache(maxsize=64)
def _client_text(main: str, other: str) -> Callable[[bytes], bytes]:
    # Inside of a stream's message the quotes are escaped, so there is one before in any case.
    pairs = [(f'"{main}/{name}/', f'"{other}/{name}/') for name in _FILES]
    pairs.append((f'"{_socket(main)}', f'"{_socket(other)}'))
    written = [(before.encode(), after.encode()) for before, after in pairs]

    def lead(body: bytes) -> bytes:
        for before, after in written:
            body = body.replace(before, after)
        return body

    return lead


def _socket(base_url: str) -> str:
    return f"ws{base_url.removeprefix('http')}"


@lru_cache(maxsize=64)
def _html(main: str, other: str) -> Callable[[bytes], bytes]:
    # Links and files, but not what says under which address the page is known (canonical, og:url).
    links = re.compile(
        rb"""((?:<a\b[^>]*?\shref|\ssrc|\sposter)=")%b/""" % re.escape(main.encode())
    )
    led = rb"\g<1>" + other.encode() + b"/"

    def lead(body: bytes) -> bytes:
        return links.sub(led, body)

    return lead


def _lead_headers(main: str, other: str, response: web.StreamResponse) -> None:
    location = response.headers.get("Location", "")
    if location.startswith(f"{main}/"):
        response.headers["Location"] = other + location.removeprefix(main)
    links = response.headers.get("Link")
    if links:
        response.headers["Link"] = links.replace(f"<{main}/", f"<{other}/")


def _point_to_onion(
    config: Config, door: Door, request: web.Request, response: web.StreamResponse
) -> None:
    """Tell Tor Browser where the same page is without leaving the network (Onion-Location)."""
    if door.is_onion or response.content_type != "text/html":
        return
    onion = next((url for url in config.server.alternates if is_onion(host_of(url))), None)
    if onion is not None:
        response.headers["Onion-Location"] = onion + request.raw_path

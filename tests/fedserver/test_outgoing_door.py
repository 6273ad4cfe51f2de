"""There is one way out: nothing else in `fedserver` makes HTTP requests or opens connections."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOOR = ROOT / "fedserver" / "outgoing"
MODULES = sorted(
    path
    for room in ("activitypub", "storage", "fedserver")
    for path in (ROOT / room).rglob("*.py")
    if DOOR not in path.parents
)
CLIENT_MODULES = (
    "aiohttp.client",
    "aiohttp.connector",
    "http.client",
    "httpx",
    "requests",
    "urllib.request",
    "urllib3",
    "pycurl",
)
CLIENT_NAMES = frozenset(
    {
        "ClientSession",
        "TCPConnector",
        "UnixConnector",
        "urlopen",
        "HTTPConnection",
        "HTTPSConnection",
        "create_connection",
        "open_connection",
    }
)


def offences(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_client(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if _is_client(name))
            yield from (alias.name for alias in node.names if alias.name in CLIENT_NAMES)
        elif isinstance(node, ast.Attribute) and node.attr in CLIENT_NAMES:
            yield node.attr
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "aiohttp.request":
            yield "aiohttp.request"


def _is_client(name: str) -> bool:
    if name == "aiohttp.request":
        return True
    return any(name == module or name.startswith(f"{module}.") for module in CLIENT_MODULES)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_goes_around_the_door(path: Path) -> None:
    assert list(offences(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "source",
    [
        "import aiohttp\naiohttp.ClientSession()",
        "from aiohttp import ClientSession as Web",
        "import aiohttp\naiohttp.request('GET', 'x')",
        "from aiohttp import request",
        "import aiohttp.client",
        "from aiohttp.client import ClientTimeout",
        "import urllib.request",
        "from urllib import request",
        "from urllib.request import urlopen",
        "import http.client as h",
        "import requests",
        "import socket\nsocket.create_connection(('x', 1))",
        "import asyncio\nasyncio.open_connection('x', 1)",
    ],
)
def test_the_scan_sees(source: str) -> None:
    assert list(offences(source))


@pytest.mark.parametrize("source", ["from aiohttp import web", "from urllib.parse import quote"])
def test_the_scan_lets_pass(source: str) -> None:
    assert not list(offences(source))

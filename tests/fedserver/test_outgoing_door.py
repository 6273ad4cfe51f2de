"""There is one way out: each kind of outgoing connection is opened at one place of the code."""

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
    "aiodns",
    "aiohttp.client",
    "aiohttp.connector",
    "aiohttp_socks",
    "aiosmtplib",
    "ftplib",
    "http.client",
    "httpcore",
    "httpx",
    "imaplib",
    "poplib",
    "pycares",
    "pycurl",
    "python_socks",
    "pywebpush",
    "requests",
    "smtplib",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "websockets",
    "xmlrpc",
)
CLIENT_NAMES = frozenset(
    {
        "ClientSession",
        "TCPConnector",
        "ProxyConnector",
        "UnixConnector",
        "urlopen",
        "HTTPConnection",
        "HTTPSConnection",
        "create_connection",
        "create_datagram_endpoint",
        "create_unix_connection",
        "open_connection",
        "open_unix_connection",
        "sock_connect",
        "sock_sendto",
        "connect_ex",
        "ws_connect",
    }
)
# Who opens sockets at all, and what for. Nothing here connects to what a peer or a client named.
SOCKETS = {
    "fedserver/outgoing/sockets.py": "the guarded sockets themselves",
    "fedserver/cli/running.py": "tries whether our own port is free to listen on",
    "fedserver/demo/show.py": "looks for a free port to listen on",
}
# To our own PostgreSQL, in the data folder: the stream of its log.
OUR_DATABASE = {"storage/server/wal_stream.py": ["open_unix_connection"]}
# Within the door, each way to open a connection and where it is used.
CALLS_WITHIN = {
    "aiohttp.ClientSession": ["fedserver/outgoing/client.py"],
    "aiohttp.TCPConnector": ["fedserver/outgoing/client.py"],
    # To the proxy that the configuration names.
    "ProxyConnector": ["fedserver/outgoing/proxy.py"],
    # To our own public name and to that proxy, from the command line.
    "asyncio.open_connection": [
        "fedserver/outgoing/certificates.py",
        "fedserver/outgoing/proxy.py",
    ],
    "session.request": ["fedserver/outgoing/client.py"],
    # To the mail server that the configuration names.
    "smtplib.SMTP": ["fedserver/outgoing/mail.py"],
    "smtplib.SMTP_SSL": ["fedserver/outgoing/mail.py"],
    "socket.socket": ["fedserver/outgoing/sockets.py"],
}


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
    known = OUR_DATABASE.get(str(path.relative_to(ROOT)), [])
    assert list(offences(path.read_text(encoding="utf-8"))) == known


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_within_the_door_there_is_one_place_for_each_kind_of_connection() -> None:
    found: dict[str, list[str]] = {}
    for path in sorted(DOOR.rglob("*.py")):
        for called in calls(path):
            if called in CALLS_WITHIN or called.rpartition(".")[2] in CLIENT_NAMES:
                found.setdefault(called, []).append(str(path.relative_to(ROOT)))
    assert found == CALLS_WITHIN


def test_who_makes_sockets_is_known() -> None:
    makers = {
        str(path.relative_to(ROOT))
        for path in [*MODULES, *DOOR.rglob("*.py")]
        if {"socket.socket", "socket"} & set(calls(path))
    }
    assert makers == set(SOCKETS)


def test_only_storage_speaks_to_postgresql() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if ROOT / "storage" not in path.parents:
            assert "import asyncpg" not in text, path


def test_who_speaks_to_the_buckets_that_the_configuration_names_is_known() -> None:
    """Like the database they are the admin's, not remote content (docs/decisions/0018)."""
    users = [path for path in MODULES if "obstore" in path.read_text(encoding="utf-8")]
    assert [str(path.relative_to(ROOT)) for path in users] == [
        "storage/bucket.py",
        "storage/vault_places.py",
    ]


def test_the_session_never_asks_a_proxy_and_never_follows_by_itself() -> None:
    text = (DOOR / "client.py").read_text(encoding="utf-8")
    assert "trust_env=False" in text
    assert "allow_redirects=False" in text
    assert "socket_factory=sockets" in text
    # One session alone asks no rule for addresses: that of the services the admin set up.
    assert text.count("GuardedSockets(None") == text.count("self._own_sockets, keep=True") == 1
    assert "proxy=" not in text


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
        "loop.create_connection(f, 'x', 1)",
        "loop.create_datagram_endpoint(f)",
        "loop.sock_connect(s, ('x', 1))",
        "import smtplib",
        "from websockets.client import connect",
        "import pywebpush",
    ],
)
def test_the_scan_sees(source: str) -> None:
    assert list(offences(source))


@pytest.mark.parametrize("source", ["from aiohttp import web", "from urllib.parse import quote"])
def test_the_scan_lets_pass(source: str) -> None:
    assert not list(offences(source))

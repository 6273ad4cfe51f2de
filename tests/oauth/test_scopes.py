"""Scopes and redirect URIs: reading and covering."""

import pytest

from fedserver.errors import Invalid
from fedserver.services.redirect_uris import parse_redirect_uris, with_parameters
from fedserver.services.scopes import ALL_SCOPES, all_within, parse_scopes


@pytest.mark.parametrize("text", ["read write", "read+write", "read,write", " read\nwrite read"])
def test_separators(text: str) -> None:
    assert parse_scopes(text) == ("read", "write")


def test_nothing_named() -> None:
    texts: list[str | list[str] | None] = [None, "", " ", []]
    assert all(parse_scopes(text) == ("read",) for text in texts)


@pytest.mark.parametrize(
    ("scope", "allowed", "within"),
    [
        ("read", "read", True),
        ("read:accounts", "read", True),
        ("read", "read:accounts", False),
        ("read:accounts", "read:lists", False),
        ("write:follows", "follow", True),
        ("read:mutes", "follow", True),
        ("write:statuses", "follow", False),
        ("admin:read:accounts", "admin:read", True),
        ("admin:read:accounts", "read", False),
        ("admin:read", "admin:write", False),
        ("admin", "admin", False),
        ("nonsense", "nonsense", False),
        ("read:nonsense", "read", False),
    ],
)
def test_covering(scope: str, allowed: str, within: bool) -> None:
    assert all_within([scope], [allowed]) is within


def test_every_scope_covers_itself() -> None:
    assert all(all_within([scope], [scope]) for scope in ALL_SCOPES)


def test_too_many_redirect_uris() -> None:
    with pytest.raises(Invalid):
        parse_redirect_uris(f"app{number}://x" for number in range(21))


@pytest.mark.parametrize(
    ("uri", "result"),
    [
        ("app://", "app://?code=1"),
        ("https://c.example/?", "https://c.example/?code=1"),
        ("https://c.example/?a=b", "https://c.example/?a=b&code=1"),
        ("https://c.example/?a=b&", "https://c.example/?a=b&code=1"),
    ],
)
def test_with_parameters(uri: str, result: str) -> None:
    assert with_parameters(uri, {"code": "1"}) == result

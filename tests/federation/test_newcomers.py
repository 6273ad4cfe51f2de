"""A domain cannot become a thousand servers in a day."""

from datetime import timedelta

import pytest

from fedserver.errors import Refused
from fedserver.services.newcomers import NEW_HOSTS_PER_DOMAIN, admit, registrable_domain
from storage.query import Command
from tests.federation.conftest import Server

PUT = Command(
    """
    INSERT INTO accounts (id, uri, username, domain, url, inbox_url, created_at)
    VALUES ($1, 'https://' || $2 || '/u', 'u', $2, 'https://x.example/u', 'https://x.example/i',
        now())
    """
)


async def know(server: Server, host: str, *, ago: timedelta = timedelta()) -> None:
    await server.ctx.db.execute(PUT, server.ctx.ids.at(server.ctx.clock.now() - ago), host)


async def test_new_servers_of_a_domain_are_bounded(server: Server) -> None:
    ctx = server.ctx
    for number in range(NEW_HOSTS_PER_DOMAIN):
        await admit(ctx, f"s{number}.spam.example")
        await know(server, f"s{number}.spam.example")
    with pytest.raises(Refused, match=r"under spam\.example"):
        await admit(ctx, "s99.spam.example")
    with pytest.raises(Refused):
        await admit(ctx, "deep.s99.spam.example")
    await admit(ctx, "s1.spam.example")
    await admit(ctx, "s1.other.example")
    await admit(ctx, "notspam.example")


async def test_a_day_later_more_may_come(server: Server) -> None:
    for number in range(NEW_HOSTS_PER_DOMAIN):
        await know(server, f"s{number}.spam.example", ago=timedelta(hours=25))
    await admit(server.ctx, "s99.spam.example")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.example", "a.example"),
        ("b.a.example", "a.example"),
        ("c.b.a.example:8443", "a.example"),
        ("b.a.co.uk", "a.co.uk"),
        ("a.co.uk", "a.co.uk"),
        ("b.ard.de", "ard.de"),
        ("localhost:80", None),
        ("127.0.0.1", None),
        ("[::1]:80", None),
        ("[::1]", None),
    ],
)
def test_which_part_was_registered(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain

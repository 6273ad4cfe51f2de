"""The way through a SOCKS5 proxy: for .onion names always, for others where nothing else leads."""

import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from activitypub.onions import is_onion, is_onion_service, onion_name
from fedserver.clock import FixedClock, SystemClock
from fedserver.errors import Unreachable
from fedserver.outgoing import ForbiddenTarget, Limits, Outgoing
from fedserver.outgoing.detours import KEEP_S
from fedserver.outgoing.proxy import Proxy, parse_proxy
from tests.conftest import unused_port
from tests.fedserver.raw_peer import peer, reply
from tests.socks_stub import Socks, socks_proxy

ONION = onion_name(Ed25519PrivateKey.generate().public_key().public_bytes_raw())
# The service of the Tor Project's own pages.
TOR = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion"


def way_out(
    socks: Socks | None,
    *reachable: str,
    fallback: bool = True,
    plain_http: bool = True,
    names: Mapping[str, str] | None = None,
    doors: Mapping[str, Sequence[str]] | None = None,
    clock: FixedClock | None = None,
    shut: list[str] | None = None,
    ca_file: Path | None = None,
) -> Outgoing:
    def look_up(host: str) -> tuple[str, ...]:
        assert not host.endswith(".onion")
        if host not in (names or {}):
            raise OSError("no such name")
        return ((names or {})[host],)

    async def doors_of(host: str) -> Sequence[str]:
        if shut is not None:
            shut.append(host)
        return (doors or {}).get(host, ())

    return Outgoing(
        user_agent="test/1.0",
        plain_http=plain_http,
        reachable_addresses=frozenset(reachable),
        host_map={},
        ca_file=ca_file,
        clock=clock or SystemClock(),
        lookup=look_up,
        proxy=parse_proxy(socks.url, fallback=fallback) if socks else None,
        doors_of=doors_of,
    )


def test_only_names_with_the_right_checksum_are_services() -> None:
    assert is_onion_service(TOR)
    assert is_onion_service(f"www.{TOR}")
    assert is_onion_service(f"{ONION}:80")
    wrong = ("e" if ONION[0] != "e" else "f") + ONION[1:]
    for name in (wrong, "short.onion", "onion", f"{ONION}.example", "expyuzz4wqqyqhjn.onion"):
        assert not is_onion_service(name)
    assert is_onion("short.onion")
    assert not is_onion("onion.example")


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("socks5://127.0.0.1:9150", Proxy("127.0.0.1", 9150)),
        ("socks5h://tor", Proxy("tor", 9050)),
        ("socks5://[::1]:1", Proxy("::1", 1)),
        ("socks5://a:b%40c@127.0.0.1:9050", Proxy("127.0.0.1", 9050, "a", "b@c")),
    ],
)
def test_addresses_of_proxies(url: str, wanted: Proxy) -> None:
    assert parse_proxy(url) == wanted


@pytest.mark.parametrize("url", ["http://127.0.0.1:80", "socks5://", "socks5://a/b", "a:9050"])
def test_what_is_no_address_of_a_proxy(url: str) -> None:
    with pytest.raises(ValueError, match=r"needs|has more|is no"):
        parse_proxy(url)


async def test_onion_names_go_to_the_proxy_and_never_to_dns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[object] = []
    look_up = socket.getaddrinfo

    def noted(host: str, *rest: object) -> object:
        asked.append(host)
        return look_up(host, *rest)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(socket, "getaddrinfo", noted)
    async with peer() as server, socks_proxy({f"{ONION}:80": server.port}) as socks:
        async with way_out(socks, fallback=False, plain_http=False) as out:
            response = await out.request("GET", f"http://{ONION}/a?b=c")
        assert (response.status, response.url) == (200, f"http://{ONION}/a?b=c")
        assert server.requests[0][2]["host"] == ONION
        assert socks.asked == [f"{ONION}:80"]
    assert ONION not in asked


async def test_without_a_proxy_onion_names_are_refused() -> None:
    async with way_out(None) as out:
        with pytest.raises(ForbiddenTarget, match="socks"):
            await out.request("GET", f"http://{ONION}/")


@pytest.mark.parametrize("host", ["short.onion", "127.0.0.1.onion", "onion"])
async def test_names_that_no_service_has_are_asked_of_nobody(host: str) -> None:
    async with socks_proxy({}) as socks, way_out(socks) as out:
        with pytest.raises(Unreachable):
            await out.request("GET", f"http://{host}/")
        assert socks.asked == []


async def test_plain_http_is_for_onion_names_only() -> None:
    async with socks_proxy({}) as socks, way_out(socks, plain_http=False) as out:
        with pytest.raises(ForbiddenTarget, match="plain http"):
            await out.request("GET", "http://peer.example/")
        assert socks.asked == []


async def test_a_host_that_cannot_be_reached_is_tried_through_the_proxy() -> None:
    shut = unused_port()
    async with peer() as server, socks_proxy({f"peer.example:{shut}": server.port}) as socks:
        url = f"http://peer.example:{shut}/inbox"
        names = {"peer.example": "127.0.0.1"}
        async with way_out(socks, "127.0.0.1", fallback=False, names=names) as out:
            with pytest.raises(Unreachable):
                await out.request("POST", url, body=b"{}")
        assert socks.asked == []
        async with way_out(socks, "127.0.0.1", names=names) as out:
            response = await out.request("POST", url, body=b"{}")
            assert (response.status, response.url) == (200, url)
            # The proxy is asked for the name, which it looks up itself.
            assert socks.asked == [f"peer.example:{shut}"]
        assert server.requests[0][3] == b"{}"


async def test_a_name_that_dns_does_not_know_may_be_known_to_the_proxy() -> None:
    async with (
        peer() as server,
        socks_proxy({"peer.example:80": server.port}) as socks,
        way_out(socks) as out,
    ):
        assert (await out.request("GET", "http://peer.example/")).status == 200


async def test_the_detour_is_remembered_for_some_minutes() -> None:
    clock = FixedClock(datetime(2026, 11, 1, tzinfo=UTC))
    shut: list[str] = []
    async with (
        peer() as server,
        socks_proxy({"peer.example:80": server.port}) as socks,
        way_out(socks, clock=clock, shut=shut) as out,
    ):
        for _ in range(3):
            await out.request("GET", "http://peer.example/")
        assert shut == ["peer.example"]
        clock.move(timedelta(seconds=KEEP_S + 1))
        await out.request("GET", "http://peer.example/")
        assert shut == ["peer.example"] * 2


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "[fd00::1]",
        "localhost",
        "router",
        "db.internal",
        "printer.local",
        "nas.lan",
        "a.home.arpa",
        "a.localhost",
    ],
)
async def test_private_addresses_and_names_are_not_asked_of_the_proxy(host: str) -> None:
    async with peer() as server, socks_proxy({f"{host}:80": server.port}) as socks:
        async with way_out(socks) as out:
            with pytest.raises(Unreachable):
                await out.request("GET", f"http://{host}/")
        assert socks.asked == []
        assert server.requests == []


async def test_a_name_that_leads_to_a_private_address_is_not_asked_of_the_proxy() -> None:
    async with socks_proxy({}) as socks:
        async with way_out(socks, names={"inside.example": "10.1.2.3"}) as out:
            with pytest.raises(ForbiddenTarget, match="not public"):
                await out.request("GET", "http://inside.example/")
        assert socks.asked == []


async def test_another_door_of_the_same_server_is_tried_and_answers_for_its_name() -> None:
    async with peer() as server, socks_proxy({f"{ONION}:80": server.port}) as socks:
        moved = reply(b"", "302 Found", Location=f"http://{ONION}/there")
        server.answers["/moved"] = moved
        doors = {"peer.example": [f"http://{unused_port()}.example", f"http://{ONION}"]}
        async with way_out(socks, fallback=False, doors=doors) as out:
            response = await out.request("GET", "http://peer.example/users/a")
            assert response.url == "http://peer.example/users/a"
            assert server.requests[0][2]["host"] == ONION
            again = await out.request("GET", "http://peer.example/moved")
            assert again.headers["Location"] == "http://peer.example/there"


async def test_where_dns_leads_to_a_private_address_other_doors_are_tried_but_not_the_proxy() -> (
    None
):
    async with peer() as server, socks_proxy({f"{ONION}:80": server.port}) as socks:
        doors = {"peer.example": [f"http://{ONION}"]}
        names = {"peer.example": "10.10.34.35"}
        async with way_out(socks, names=names, doors=doors) as out:
            assert (await out.request("GET", "http://peer.example/")).status == 200
        assert socks.asked == [f"{ONION}:80"]


async def test_what_a_detour_took_is_not_sent_again_elsewhere() -> None:
    taken: list[object] = []

    async def hang_up(_peer: object, writer: object) -> None:
        taken.append(writer)
        writer.close()  # type: ignore[attr-defined]  # a StreamWriter

    async with peer() as server, socks_proxy({"peer.example:80": server.port}) as socks:
        server.answers["/lost"] = hang_up
        async with way_out(socks) as out:
            await out.request("GET", "http://peer.example/")
            with pytest.raises(Unreachable):
                await out.request("POST", "http://peer.example/lost", body=b"{}")
        assert len(taken) == 1


async def test_no_door_is_tried_where_the_peer_has_the_request() -> None:
    async def hang_up(_peer: object, writer: object) -> None:
        writer.close()  # type: ignore[attr-defined]  # a StreamWriter

    async with peer() as server, socks_proxy({}) as socks:
        server.answers["/"] = hang_up
        doors = {f"peer.example:{server.port}": [f"http://{ONION}"]}
        names = {"peer.example": "127.0.0.1"}
        async with way_out(socks, "127.0.0.1", names=names, doors=doors) as out:
            with pytest.raises(Unreachable):
                await out.request("GET", f"http://peer.example:{server.port}/")
        assert socks.asked == []


async def test_a_proxy_that_is_not_there_is_told() -> None:
    proxy = Socks({})
    proxy.port = unused_port()
    async with way_out(proxy) as out:
        with pytest.raises(Unreachable, match="proxy"):
            await out.request("GET", f"http://{ONION}/", limits=Limits(total_s=5))


async def test_who_answers_at_the_proxy_has_to_have_the_certificate(
    authority: tuple[Path, ssl.SSLContext],
) -> None:
    ca_file, tls = authority
    async with (
        peer(tls) as server,
        peer() as door,
        socks_proxy(
            {
                "peer.example:443": server.port,
                "other.example:443": server.port,
                f"{ONION}:80": door.port,
            }
        ) as socks,
    ):
        doors = {"other.example": [f"http://{ONION}"]}
        async with way_out(socks, plain_http=False, ca_file=ca_file, doors=doors) as out:
            response = await out.request("GET", "https://peer.example/a")
            assert (response.status, response.url) == (200, "https://peer.example/a")
            # Seized: somebody else answers. The signed door is tried next.
            await out.request("GET", "https://other.example/b")
        assert [one[1] for one in server.requests] == ["/a"]
        assert [one[1] for one in door.requests] == ["/b"]

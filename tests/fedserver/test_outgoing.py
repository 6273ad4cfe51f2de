"""Requests against real servers on loopback: the guard, the limits, redirects, TLS, reuse."""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from fedserver.clock import SystemClock
from fedserver.errors import Unreachable
from fedserver.outgoing import ForbiddenTarget, Outgoing
from fedserver.outgoing import client as door
from fedserver.outgoing.addresses import AddressRule
from fedserver.outgoing.sockets import GuardedSockets
from tests.fedserver.raw_peer import Peer, outgoing, peer, reply


async def test_an_answer_with_its_headers_and_body() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/x"] = reply(b"hello", "404 Not Found", X_Thing="a")
        response = await out.request("GET", server.url("/x#part"), headers={"Accept": "b/c"})
        assert (response.status, response.body) == (404, b"hello")
        assert response.headers["x-thing"] == "a"
        assert response.url == server.url("/x")
        method, path, headers, _ = server.requests[0]
        assert (method, path) == ("GET", "/x")
        assert headers["user-agent"] == "test/1.0"
        assert headers["accept"] == "b/c"
        assert "cookie" not in headers


async def test_the_signer_sees_what_goes_on_the_wire() -> None:
    seen: list[tuple[str, str, bytes | None]] = []

    async def signer(method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        seen.append((method, url, body))
        return {"Signature": "s"}

    async with peer() as server, outgoing("127.0.0.1") as out:
        url = server.url("/inbox/é?a=b")
        await out.request("POST", url, body=b"{}", signer=signer, headers={})
        method, path, headers, body = server.requests[0]
        assert (method, body, headers["signature"]) == ("POST", b"{}", "s")
        assert seen == [("POST", server.url(path), b"{}")]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::ffff:127.0.0.1]", "name.example"])
async def test_private_addresses_are_refused_in_literals_and_names(host: str) -> None:
    async with peer() as server, outgoing(names={"name.example": "127.0.0.1"}) as out:
        with pytest.raises(ForbiddenTarget, match="not public"):
            await out.request("GET", server.url(host=host))
        assert server.accepted == 0


async def test_a_name_with_many_private_addresses_is_refused() -> None:
    out = Outgoing(
        user_agent="test",
        plain_http=True,
        reachable_addresses=frozenset(),
        host_map={},
        ca_file=None,
        clock=SystemClock(),
        lookup=lambda _: ("10.0.0.1", "::1", "127.0.0.1", "fd00::1"),
    )
    async with out:
        with pytest.raises(ForbiddenTarget, match="not public"):
            await out.request("GET", "http://many.example/")


async def test_only_the_named_port_is_reachable() -> None:
    async with peer() as server, peer() as other:
        async with outgoing(f"127.0.0.1:{server.port}") as out:
            assert (await out.request("GET", server.url())).status == 200
            with pytest.raises(ForbiddenTarget):
                await out.request("GET", other.url())
        assert other.accepted == 0


async def test_a_bad_url_is_refused_with_its_host() -> None:
    async with outgoing() as out:
        with pytest.raises(ForbiddenTarget, match="user information") as caught:
            await out.request("GET", "https://user@a.example/")
        assert caught.value.host == "a.example"


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "0177.0.0.1", "127.1"])
async def test_strange_spellings_of_addresses_are_refused(host: str) -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        with pytest.raises(ForbiddenTarget):
            await out.request("GET", server.url(host=host))
        assert server.accepted == 0


async def test_unknown_names_and_refused_connections_are_unreachable() -> None:
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        async with outgoing("127.0.0.1") as out:
            with pytest.raises(Unreachable, match="no such name"):
                await out.request("GET", "http://gone.example/")
            with pytest.raises(Unreachable) as caught:
                await out.request("GET", f"http://127.0.0.1:{port}/")
            assert not isinstance(caught.value, ForbiddenTarget)
            assert caught.value.host == "127.0.0.1"


async def test_redirects_are_followed_with_a_fresh_signature() -> None:
    signed: list[str] = []

    async def signer(_method: str, url: str, _body: bytes | None) -> Mapping[str, str]:
        signed.append(url)
        return {}

    async with peer() as first, peer() as second, outgoing("127.0.0.1") as out:
        first.answers["/a"] = reply(status="302 Found", Location="b#frag")
        first.answers["/b"] = reply(status="301 Moved", Location=second.url("/c"))
        secret = {"Authorization": "Bearer x", "Accept": "y"}
        response = await out.request(
            "GET", first.url("/a"), headers=secret, signer=signer, follow_redirects=True
        )
        assert response.url == second.url("/c")
        assert signed == [first.url("/a"), first.url("/b"), second.url("/c")]
        assert first.requests[1][2]["authorization"] == "Bearer x"
        assert "authorization" not in second.requests[0][2]
        assert second.requests[0][2]["accept"] == "y"


async def test_redirects_are_returned_unless_wanted_and_never_followed_by_a_post() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/a"] = reply(status="307 Temporary", Location="/b")
        assert (await out.request("GET", server.url("/a"))).status == 307
        posted = await out.request("POST", server.url("/a"), body=b"x", follow_redirects=True)
        assert posted.status == 307
        assert [request[1] for request in server.requests] == ["/a", "/a"]


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.1:{other}/", "http://[::1]:{other}/", "http://inner.example:{other}/"],
)
async def test_a_redirect_to_a_private_address_is_refused(location: str) -> None:
    async with peer() as server, peer() as other:
        names = {"inner.example": "127.0.0.1"}
        async with outgoing(f"127.0.0.1:{server.port}", names=names) as out:
            server.answers["/"] = reply(
                status="302 Found", Location=location.format(other=other.port)
            )
            with pytest.raises(ForbiddenTarget):
                await out.request("GET", server.url(), follow_redirects=True)
        assert other.accepted == 0


@pytest.mark.parametrize("location", ["file:///etc/passwd", "http://[", "http://a@b.example/"])
async def test_a_redirect_to_a_bad_url_is_refused(location: str) -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = reply(status="302 Found", Location=location)
        with pytest.raises(ForbiddenTarget):
            await out.request("GET", server.url(), follow_redirects=True)


async def test_a_redirect_loop_ends() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = reply(status="302 Found", Location="/")
        with pytest.raises(Unreachable, match="more than 3 redirects"):
            await out.request("GET", server.url(), follow_redirects=True)
        assert len(server.requests) == 4


async def _hang_up(_peer: Peer, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_lost_connection_is_tried_again_only_when_repeatable() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = _hang_up
        with pytest.raises(Unreachable):
            await out.request("POST", server.url(), body=b"x")
        assert len(server.requests) == 1

        async def first_hangs_up(peer: Peer, writer: asyncio.StreamWriter) -> None:
            peer.answers["/"] = reply()
            writer.close()

        server.answers["/"] = first_hangs_up
        response = await out.request("POST", server.url(), body=b"x", repeatable=True)
        assert (response.status, len(server.requests)) == (200, 3)


async def test_connections_are_kept_and_reused() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        for _ in range(5):
            await out.request("POST", server.url(), body=b"x")
        assert (server.accepted, len(server.requests)) == (1, 5)


async def test_connections_to_one_host_are_bounded() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        await asyncio.gather(*(out.request("GET", server.url()) for _ in range(20)))
        assert len(server.requests) == 20
        assert server.accepted <= door.MAX_CONNECTIONS_PER_HOST


async def test_kept_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "MAX_KEPT_SOCKETS", 0)
    async with peer() as server, outgoing("127.0.0.1") as out:
        await out.request("GET", server.url())
        await out.request("GET", server.url())
        async with asyncio.timeout(5):
            await server.closed.wait()
        assert [request[2].get("connection") for request in server.requests] == [None, "close"]


def test_closed_sockets_make_room() -> None:
    sockets = GuardedSockets(AddressRule({"127.0.0.1"}), max_open=1)
    info = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))
    first, second = sockets(info), sockets(info)
    with closing(second):
        assert sockets.crowded()
        first.close()
        assert not sockets.crowded()


async def test_the_host_map_keeps_the_name_in_tls_and_host(
    authority: tuple[Path, ssl.SSLContext],
) -> None:
    ca_file, tls = authority
    async with peer(tls) as server:
        target = f"127.0.0.1:{server.port}"
        out = outgoing(target, plain_http=False, host_map={"alpha.test": target}, ca_file=ca_file)
        async with out:
            for _ in range(3):
                response = await out.request("GET", "https://alpha.test/x")
                assert response.url == "https://alpha.test/x"
            with pytest.raises(ForbiddenTarget, match="port"):
                await out.request("GET", "https://alpha.test:8443/")
            with pytest.raises(ForbiddenTarget, match="plain http"):
                await out.request("GET", "http://alpha.test/")
        assert server.requests[0][2]["host"] == "alpha.test"
        assert server.accepted == 1


async def test_a_mapped_host_must_be_reachable_too() -> None:
    async with peer() as server:
        async with outgoing(host_map={"alpha.test": f"127.0.0.1:{server.port}"}) as out:
            with pytest.raises(ForbiddenTarget):
                await out.request("GET", "http://alpha.test/")
        assert server.accepted == 0


@pytest.mark.parametrize(("host", "with_ca"), [("alpha.test", False), ("beta.test", True)])
async def test_certificates_are_verified(
    authority: tuple[Path, ssl.SSLContext], host: str, with_ca: bool
) -> None:
    ca_file, tls = authority
    async with peer(tls) as server:
        target = f"127.0.0.1:{server.port}"
        async with outgoing(
            target, host_map={host: target}, ca_file=ca_file if with_ca else None
        ) as out:
            with pytest.raises(Unreachable, match="(?i)certificate"):
                await out.request("GET", f"https://{host}/")
        assert server.requests == []


async def test_a_redirect_from_https_to_http_is_refused(
    authority: tuple[Path, ssl.SSLContext],
) -> None:
    ca_file, tls = authority
    async with peer(tls) as server, peer() as plain:
        target = f"127.0.0.1:{server.port}"
        server.answers["/"] = reply(status="302 Found", Location=plain.url())
        async with outgoing("127.0.0.1", host_map={"alpha.test": target}, ca_file=ca_file) as out:
            with pytest.raises(ForbiddenTarget, match="from https to http"):
                await out.request("GET", "https://alpha.test/", follow_redirects=True)
        assert plain.accepted == 0

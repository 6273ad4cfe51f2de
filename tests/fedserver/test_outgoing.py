"""Requests against real servers on loopback: the guard, the limits, redirects, TLS, reuse."""

import asyncio
import gzip
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fedserver.clock import SystemClock
from fedserver.errors import Unreachable
from fedserver.outgoing import ForbiddenTarget, Limits, Outgoing, TooLarge
from fedserver.outgoing import client as door
from fedserver.outgoing.addresses import AddressRule
from fedserver.outgoing.sockets import GuardedSockets

Answer = bytes | Callable[["Peer", asyncio.StreamWriter], Awaitable[None]]
SHORT = Limits(total_s=0.3, max_bytes=10_000)


def reply(body: bytes = b"ok", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Peer:
    """A server that answers by path and writes down what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        self.accepted = 0
        self.closed = asyncio.Event()
        self.port = 0

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self.closed.set()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {line.split(":")[0].lower(): line.split(":", 1)[1].strip() for line in lines}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append((method, path, headers, body))
        answer = self.answers.get(path, reply())
        if isinstance(answer, bytes):
            writer.write(answer)
        else:
            await answer(self, writer)
        await writer.drain()
        return headers.get("connection") != "close"


@asynccontextmanager
async def peer(tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    made = Peer()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()


def outgoing(
    *reachable: str,
    plain_http: bool = True,
    host_map: Mapping[str, str] | None = None,
    ca_file: Path | None = None,
    names: Mapping[str, str] | None = None,
) -> Outgoing:
    def lookup(host: str) -> tuple[str, ...]:
        if host not in (names or {}):
            raise OSError("no such name")
        return ((names or {})[host],)

    return Outgoing(
        user_agent="test/1.0",
        plain_http=plain_http,
        reachable_addresses=frozenset(reachable),
        host_map=host_map or {},
        ca_file=ca_file,
        clock=SystemClock(),
        lookup=lookup,
    )


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


async def _endless(_peer: Peer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x" * 10_000)
        await writer.drain()


async def _drip(peer: Peer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _silence(peer: Peer, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(2)


async def test_an_endless_body_is_cut_off() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = _endless
        with pytest.raises(TooLarge):
            await out.request("GET", server.url(), limits=Limits(max_bytes=50_000))
        async with asyncio.timeout(5):
            await server.closed.wait()


async def test_a_declared_length_is_believed_when_it_is_too_large() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = b"HTTP/1.1 200 OK\r\nContent-Length: 10001\r\n\r\n"
        with pytest.raises(TooLarge):
            await out.request("GET", server.url(), limits=SHORT)


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = reply(b"x" * 10_000)
        assert len((await out.request("GET", server.url(), limits=SHORT)).body) == 10_000


@pytest.mark.parametrize("answer", [_drip, _silence])
async def test_the_deadline_is_over_everything(answer: Answer) -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = answer
        with pytest.raises(Unreachable, match="within 0.3 s"):
            await out.request("GET", server.url(), limits=SHORT)


async def test_the_deadline_includes_the_signer() -> None:
    async def slow(_method: str, _url: str, _body: bytes | None) -> Mapping[str, str]:
        await asyncio.Event().wait()
        return {}

    async with peer() as server, outgoing("127.0.0.1") as out:
        with pytest.raises(Unreachable, match="within"):
            await out.request("GET", server.url(), limits=Limits(total_s=0.05), signer=slow)


async def test_compressed_answers_are_counted_unpacked() -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/small"] = reply(gzip.compress(b"hello"), Content_Encoding="gzip")
        server.answers["/bomb"] = reply(gzip.compress(b"\0" * 20_000_000), Content_Encoding="gzip")
        assert (await out.request("GET", server.url("/small"))).body == b"hello"
        with pytest.raises(TooLarge):
            await out.request("GET", server.url("/bomb"), limits=Limits(max_bytes=100_000))


BROTLI_BOMB = bytes.fromhex("cfffff7f") + b"\xf8\x25\x00\xa2\x40\xb0\x05" * 200
ZSTD_BOMB = bytes.fromhex("28b52ffd04000000") + b"\x02\x00\x10\x00" * 200


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("deflate", zlib.compress(b"\0" * 20_000_000)),
        ("br", BROTLI_BOMB),
        ("zstd", ZSTD_BOMB),
        ("gzip, gzip", gzip.compress(gzip.compress(b"\0" * 20_000_000))),
        ("gzip, deflate", zlib.compress(gzip.compress(b"\0" * 20_000_000))),
        ("x-unknown", b"\0" * 200_000),
    ],
)
async def test_no_coding_unpacks_beyond_the_limit(coding: str, body: bytes) -> None:
    limits = Limits(max_bytes=100_000, total_s=5)
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = reply(body, Content_Encoding=coding)
        try:
            answer = await out.request("GET", server.url(), limits=limits)
        except Unreachable:
            answer = None
        # What is not unpacked at all is no document either.
        assert answer is None or len(answer.body) <= 100_000


async def _drip_headers(_peer: Peer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def _drip_small_chunks(_peer: Peer, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("answer", [_drip_headers, _drip_small_chunks])
async def test_whoever_feeds_us_drop_by_drop_is_left(answer: Answer) -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = answer
        with pytest.raises(Unreachable, match="within 0.3 s"):
            await out.request("GET", server.url(), limits=SHORT)


async def test_the_deadline_is_for_all_redirects_together() -> None:
    async def slow(_peer: Peer, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = slow
        with pytest.raises(Unreachable, match="within 0.3 s"):
            await out.request("GET", server.url(), limits=SHORT, follow_redirects=True)


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
    ],
    ids=["garbage", "length", "gzip", "chunks", "long header", "many headers"],
)
async def test_malformed_answers_are_unreachable(answer: bytes) -> None:
    async with peer() as server, outgoing("127.0.0.1") as out:
        server.answers["/"] = answer
        with pytest.raises(Unreachable):
            await out.request("GET", server.url(), limits=SHORT)


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


def _certificate(
    subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, ca: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)
    is_ca = subject == issuer
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    if not is_ca:
        names = x509.SubjectAlternativeName(
            [x509.DNSName(subject), x509.IPAddress(IPv4Address("127.0.0.9"))]
        )
        builder = builder.add_extension(names, critical=False)
    return builder.sign(ca, hashes.SHA256())


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A throwaway authority's certificate, and TLS for the name alpha.test signed by it."""
    folder = tmp_path_factory.mktemp("tls")
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    encoding = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(_certificate("ca", "ca", ca_key, ca_key).public_bytes(encoding))
    (folder / "chain.pem").write_bytes(
        _certificate("alpha.test", "ca", key, ca_key).public_bytes(encoding)
        + key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    return folder / "ca.pem", context


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

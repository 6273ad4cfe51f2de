"""The way out: whoever sends too much, too slowly or nothing readable is left."""

import asyncio
import gzip
import zlib
from collections.abc import Mapping

import pytest

from fedserver.errors import Unreachable
from fedserver.outgoing import Limits, TooLarge
from tests.fedserver.raw_peer import SHORT, Answer, Peer, outgoing, peer, reply


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

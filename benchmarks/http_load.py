"""Sends ready requests over a few kept connections, as cheaply as Python can."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_ANSWER_LIMIT_S = 60


@dataclass(slots=True)
class Answers:
    """What came back: how long each answer took, and how often which status was given."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    first_refusal: str = ""

    def add(self, status: int, body: bytes, latency_s: float) -> None:
        self.latencies_s.append(latency_s)
        self.statuses[status] += 1
        if status >= 300 and not self.first_refusal:
            self.first_refusal = body[:300].decode(errors="replace")


def request_bytes(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Give a whole HTTP/1.1 request."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def send(port: int, requests: Sequence[bytes], connections: int) -> Answers:
    """Send all `requests` to loopback, each connection the next one when it has its answer."""
    answers = Answers()
    waiting = iter(requests)
    started = time.perf_counter()
    async with asyncio.timeout(_ANSWER_LIMIT_S), asyncio.TaskGroup() as tasks:
        for _ in range(min(connections, len(requests))):
            tasks.create_task(_send_on_one(port, waiting, answers))
    answers.seconds = time.perf_counter() - started
    return answers


async def _send_on_one(port: int, waiting: Iterator[bytes], answers: Answers) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for request in waiting:
            began = time.perf_counter()
            writer.write(request)
            status, body = await _read_answer(reader)
            answers.add(status, body, time.perf_counter() - began)
    finally:
        writer.close()


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    return status, await reader.readexactly(_content_length(head))


def _content_length(head: bytes) -> int:
    name = b"\r\ncontent-length:"
    at = head.lower().find(name)
    if at < 0:
        if head[9:12] in (b"204", b"304"):
            return 0
        raise ValueError(f"an answer without Content-Length: {head[:200]!r}")
    return int(head[at + len(name) : head.index(b"\r", at + 2)])

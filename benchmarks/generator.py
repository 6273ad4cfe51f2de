"""The load generator: a process of its own that is told by lines of JSON what to prepare and send.

It also is the fake peers, so that nothing of them counts as a cost of the server.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop

from benchmarks import signing
from benchmarks.content import create_activity
from benchmarks.http_load import request_bytes, send
from benchmarks.peers import Peers, Sender

Json = dict[str, Any]


class Generator:
    """Knows the senders and the requests that are ready to be sent."""

    def __init__(self) -> None:
        self._senders: list[Sender] = []
        self._peers: Peers | None = None
        self._ready: list[bytes] = []

    async def open(self, plain_hosts: list[str], tls_hosts: list[str], senders: int) -> Json:
        """Start the fake peers, with `senders` people spread over the plain hosts."""
        self._senders = [
            Sender(f"http://{plain_hosts[number % len(plain_hosts)]}/users/sender{number}", key)
            for number, key in enumerate(await _new_keys(senders))
        ]
        self._peers = Peers(self._senders, tls_hosts)
        plain_port, tls_port = await self._peers.start()
        return {
            "plain_port": plain_port,
            "tls_port": tls_port,
            "ca_pem": self._peers.ca_pem,
            "senders": [[one.uri, signing.public_pem(one.key)] for one in self._senders],
        }

    async def prepare_gets(self, paths: list[str], headers: dict[str, str], count: int) -> Json:
        """Make ready `count` GETs of `paths` in turn."""
        self._ready = [
            request_bytes("GET", paths[number % len(paths)], headers) for number in range(count)
        ]
        return {}

    async def prepare_statuses(self, host: str, token: str, count: int, run: str) -> Json:
        """Make ready `count` POSTs of a status (Mastodon API: statuses#create)."""
        headers = {
            "Host": host,
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        }
        self._ready = [
            request_bytes(
                "POST",
                "/api/v1/statuses",
                headers,
                orjson.dumps({"status": f"Hello number {number} of {run}, how are you all?"}),
            )
            for number in range(count)
        ]
        return {}

    async def prepare_creates(self, host: str, count: int, run: str) -> Json:
        """Make ready `count` signed Creates to the shared inbox, by all senders in turn."""
        now = datetime.now(UTC).replace(microsecond=0)
        self._ready = []
        for number in range(count):
            sender = self._senders[number % len(self._senders)]
            body = create_activity(sender.uri, f"{run}-{number}", now)
            headers = signing.signed_headers(sender.key, sender.key_id, host, "/inbox", body, now)
            self._ready.append(request_bytes("POST", "/inbox", headers, body))
        return {}

    async def send(self, port: int, connections: int) -> Json:
        """Send what is ready, and say how it went."""
        answers = await send(port, self._ready, connections)
        return {
            "seconds": answers.seconds,
            "latencies_s": answers.latencies_s,
            "statuses": {str(status): count for status, count in answers.statuses.items()},
            "first_refusal": answers.first_refusal,
        }

    async def expect(self, count: int) -> Json:
        """Count deliveries from now on."""
        self._opened().inboxes.expect(count)
        return {}

    async def arrived(self, timeout_s: float) -> Json:
        """Wait until all expected deliveries are there."""
        return {"arrivals_s": await self._opened().inboxes.arrived(timeout_s)}

    async def close(self) -> None:
        if self._peers is not None:
            await self._peers.stop()

    def _opened(self) -> Peers:
        if self._peers is None:
            raise RuntimeError("the peers are not open yet")
        return self._peers


async def _new_keys(count: int) -> list[Any]:
    return await asyncio.gather(*(asyncio.to_thread(signing.new_key) for _ in range(count)))


async def _answer_lines() -> None:
    generator = Generator()
    commands: dict[str, Callable[..., Awaitable[Json]]] = {
        "open": generator.open,
        "prepare_gets": generator.prepare_gets,
        "prepare_statuses": generator.prepare_statuses,
        "prepare_creates": generator.prepare_creates,
        "send": generator.send,
        "expect": generator.expect,
        "arrived": generator.arrived,
    }
    try:
        # The end of the input is the end of the run.
        while line := await asyncio.to_thread(sys.stdin.buffer.readline):
            name, arguments = orjson.loads(line)
            sys.stdout.buffer.write(orjson.dumps(await _run(commands[name], arguments)) + b"\n")
            sys.stdout.buffer.flush()
    finally:
        await generator.close()


async def _run(command: Callable[..., Awaitable[Json]], arguments: Json) -> Json:
    try:
        return await command(**arguments)
    except (OSError, ValueError, EOFError, TimeoutError, ExceptionGroup) as error:
        return {"error": _described(error)}


def _described(error: Exception) -> str:
    if isinstance(error, ExceptionGroup):
        return "; ".join(_described(one) for one in error.exceptions)
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    uvloop.run(_answer_lines())

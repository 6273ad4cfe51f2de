"""Sending: for each inbox one signature and one POST over a kept connection, then the row goes."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from ssl import create_default_context

import aiohttp
import asyncpg
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from yarl import URL

from benchmarks import roofline_sql as sql
from benchmarks.signing import signed_headers

_BATCH = 200
_AT_ONCE = 32
_CONNECTIONS_PER_HOST = 2
_KEEP_ALIVE_S = 180


class Deliveries:
    """Delivers what stands in the table of deliveries, whenever it is woken."""

    def __init__(self, pool: asyncpg.Pool, session: aiohttp.ClientSession) -> None:
        self._pool = pool
        self._session = session
        self._keys: dict[int, tuple[str, rsa.RSAPrivateKey]] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._due = asyncio.Event()
        self._due.set()

    def wake(self) -> None:
        self._due.set()

    async def run(self) -> None:
        """Deliver, for ever."""
        while True:
            await self._due.wait()
            self._due.clear()
            while rows := await self._pool.fetch(sql.DUE_DELIVERIES, _BATCH):
                await self._deliver(rows)

    async def _deliver(self, rows: Sequence[asyncpg.Record]) -> None:
        await asyncio.gather(*(self._deliver_one(row) for row in rows))
        activities = [row["activity_id"] for row in rows]
        await self._pool.execute(sql.DELIVERED, activities, [row["inbox_url"] for row in rows])

    async def _deliver_one(self, row: asyncpg.Record) -> None:
        key_id, key = await self._key(row["account_id"])
        url = URL(row["inbox_url"])
        async with self._slots:
            headers = signed_headers(
                key, key_id, url.host or "", url.raw_path, row["document"], datetime.now(UTC)
            )
            async with self._session.post(url, data=row["document"], headers=headers) as answer:
                answer.raise_for_status()
                await answer.read()

    async def _key(self, account_id: int) -> tuple[str, rsa.RSAPrivateKey]:
        known = self._keys.get(account_id)
        if known is None:
            key_id = f"{await self._pool.fetchval(sql.ACCOUNT_URI, account_id)}#main-key"
            pem = await self._pool.fetchval(sql.PRIVATE_KEY, key_id)
            # Our own key, checked when it was made: the checks cost as much as 57 signatures.
            key = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
            assert isinstance(key, rsa.RSAPrivateKey)
            known = self._keys[account_id] = (key_id, key)
        return known


class LoopbackNames(AbstractResolver):
    """Leads every name to the fake peers."""

    def __init__(self, plain_port: int, tls_port: int) -> None:
        self._ports = {80: plain_port, 443: tls_port}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host="127.0.0.1",
                port=self._ports[port],
                family=socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """Nothing is held."""


def open_session(plain_port: int, tls_port: int, ca_file: Path | None) -> aiohttp.ClientSession:
    """Open the client that delivers; `ca_file` is trusted beside the system's authorities."""
    context = create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    connector = aiohttp.TCPConnector(
        resolver=LoopbackNames(plain_port, tls_port),
        ssl=context,
        limit_per_host=_CONNECTIONS_PER_HOST,
        keepalive_timeout=_KEEP_ALIVE_S,
    )
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

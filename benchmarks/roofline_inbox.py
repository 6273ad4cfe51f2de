"""Receiving: verify, commit in groups, answer; then statuses and home timelines, in batches."""

import asyncio
import base64
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import asyncpg
import nh3
import orjson
from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from benchmarks import roofline_sql as sql
from benchmarks.signing import digest, signature_parameters

_MAX_SKEW_S = 3600
_BATCH = 100


@dataclass(slots=True)
class _Group:
    """What is committed together."""

    uris: list[str]
    accounts: list[int]
    bodies: list[bytes]
    times: list[datetime]
    committed: asyncio.Future[None]


class Inbox:
    """Takes activities. A commit takes all that came while the last one was under way."""

    def __init__(self, pool: asyncpg.Pool, new_id: Callable[[], int]) -> None:
        self._pool = pool
        self._new_id = new_id
        self._keys: dict[str, tuple[int, rsa.RSAPublicKey]] = {}
        self._group: _Group | None = None
        self._arrived = asyncio.Event()
        self._due = asyncio.Event()
        self._due.set()
        self._cleaner = nh3.Cleaner()

    async def receive(self, request: web.Request) -> web.Response:
        """Answer 202 when the activity is on the disk."""
        body = await request.read()
        account_id = await self._verified(request, body)
        activity = orjson.loads(body)
        await self._commit(activity["id"], account_id, body)
        return web.Response(status=202)

    async def _verified(self, request: web.Request, body: bytes) -> int:
        headers = request.headers
        parameters = signature_parameters(headers["Signature"])
        account_id, key = await self._key(parameters["keyId"])
        sent_at = parsedate_to_datetime(headers["Date"]).timestamp()
        if abs(time.time() - sent_at) > _MAX_SKEW_S or headers["Digest"] != digest(body):
            raise web.HTTPUnauthorized
        text = "\n".join(
            f"(request-target): post {request.raw_path}"
            if name == "(request-target)"
            else f"{name}: {headers[name]}"
            for name in parameters["headers"].split()
        )
        try:
            signature = base64.b64decode(parameters["signature"])
            key.verify(signature, text.encode(), padding.PKCS1v15(), SHA256())
        except InvalidSignature:
            raise web.HTTPUnauthorized from None
        return account_id

    async def _key(self, key_id: str) -> tuple[int, rsa.RSAPublicKey]:
        known = self._keys.get(key_id)
        if known is None:
            row = await self._pool.fetchrow(sql.KEY, key_id)
            if row is None:
                raise web.HTTPUnauthorized
            key = load_pem_public_key(row["public_key"].encode())
            assert isinstance(key, rsa.RSAPublicKey)
            known = self._keys[key_id] = (row["account_id"], key)
        return known

    async def _commit(self, uri: str, account_id: int, body: bytes) -> None:
        if self._group is None:
            self._group = _Group([], [], [], [], asyncio.get_running_loop().create_future())
            self._arrived.set()
        group = self._group
        group.uris.append(uri)
        group.accounts.append(account_id)
        group.bodies.append(body)
        group.times.append(datetime.now(UTC))
        await asyncio.shield(group.committed)

    async def run_commits(self) -> None:
        """Write groups, one after the other, for ever."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            group, self._group = self._group, None
            if group is None:
                continue
            await self._pool.execute(
                sql.INSERT_INBOX, group.uris, group.accounts, group.bodies, group.times
            )
            group.committed.set_result(None)
            self._due.set()

    async def run_processing(self) -> None:
        """Make statuses of what was received, for ever."""
        while True:
            await self._due.wait()
            self._due.clear()
            while await self._process_batch():
                pass

    async def _process_batch(self) -> int:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(sql.CLAIM_INBOX, _BATCH)
            if rows:
                await self._write(connection, rows)
        return len(rows)

    async def _write(self, connection: Any, rows: list[asyncpg.Record]) -> None:
        notes = [orjson.loads(row["body"])["object"] for row in rows]
        ids = [self._new_id() for _ in rows]
        authors = [row["account_id"] for row in rows]
        await connection.execute(
            sql.INSERT_STATUSES,
            ids,
            [note["id"] for note in notes],
            [note["url"] for note in notes],
            authors,
            [self._cleaner.clean(note["content"]) for note in notes],
            [datetime.fromisoformat(note["published"]) for note in notes],
        )
        await connection.execute(sql.FAN_OUT, ids, authors)
        await connection.execute(sql.INBOX_DONE, [row["id"] for row in rows])

"""The big rehearsal (`make drill`): a thousand people, a hundred thousand posts, two thousand
files; killed under load, the data folder deleted, restored from two targets. Prints the times."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from storage.blobs import BlobFolder
from storage.server import connect_existing
from tests.conftest import unused_port
from tests.resilience.test_vault import Bob, signed_in
from tests.resilience.vault_scene import VaultedServer, vaulted_server

pytestmark = pytest.mark.drill

PEOPLE, POSTS, FILES, FILE_BYTES = 1_000, 100_000, 2_000, 20_000
READ_WITHIN_S, WRITE_WITHIN_S = 60, 120
# Cutting, sealing and bringing a chunk takes some of it on a machine that is busy with the load.
SHIPPED_WITHIN = timedelta(seconds=2)

_PEOPLE = """
    INSERT INTO accounts (id, uri, username, url, inbox_url, created_at)
    SELECT n, 'http://here/users/p' || n, 'p' || n, 'http://here/@p' || n,
        'http://here/inbox', now()
    FROM generate_series(1, $1::bigint) n
"""
_USERS = """
    INSERT INTO users (account_id, email, password_hash, confirmed_at, approved_at, created_at,
        last_active_at)
    SELECT n, n || '@canary.example', 'x', now(), now(), now(), now()
    FROM generate_series(1, $1::bigint) n
"""
_POSTS = """
    INSERT INTO statuses
        (id, uri, url, account_id, local, visibility, thread_id, content, created_at)
    SELECT n, 'http://here/s/' || n, 'http://here/s/' || n, 1 + n % $2::bigint, true, 'public', n,
        '<p>' || md5(n::text) || ' ' || md5((n * 7)::text) || ' ' || md5((n * 13)::text) || '</p>',
        now()
    FROM generate_series(1, $1::bigint) n
"""
_FILES = """
    INSERT INTO media_attachments (id, account_id, status_id, type, blob, created_at)
    SELECT n, 1 + n % $2::bigint, n, 'image', blob, now()
    FROM unnest($1::text[]) WITH ORDINALITY AS t (blob, n)
"""


@asynccontextmanager
async def database(server: VaultedServer) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(await connect_existing(server.data))
    try:
        yield connection
    finally:
        await connection.close()


async def fill(server: VaultedServer) -> None:
    blobs = BlobFolder(server.data / "media")
    names = [await blobs.put(os.urandom(FILE_BYTES), suffix=".png") for _ in range(FILES)]
    async with database(server) as connection:
        await connection.execute(_PEOPLE, PEOPLE)
        await connection.execute(_USERS, PEOPLE)
        await connection.execute(_POSTS, POSTS, PEOPLE)
        await connection.execute(_FILES, names, PEOPLE)


async def counts(server: VaultedServer) -> list[int]:
    async with database(server) as connection:
        tables = ("accounts", "users", "statuses", "media_attachments")
        return [await connection.fetchval(f"SELECT count(*) FROM {one}") for one in tables]


class Log:
    """When each write was confirmed."""

    def __init__(self, bob: Bob) -> None:
        self.bob = bob
        self.confirmed: dict[str, datetime] = {}

    async def keep_posting(self) -> None:
        try:
            while True:
                uri = await self.bob.post(f"Post {len(self.bob.posted)}")
                self.confirmed[uri] = datetime.now(UTC)
        except aiohttp.ClientError:
            return


@pytest.mark.parametrize("synchronous", [False, True], ids=["asynchronous", "synchronous"])
async def test_a_thousand_people_come_back(
    tmp_path: Path, synchronous: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    async with (
        aiohttp.ClientSession() as client,
        vaulted_server(
            tmp_path / "here",
            unused_port(),
            targets=[f"folder:{one}" for one in folders],
            settings=f"synchronous = {str(synchronous).lower()}",
        ) as server,
    ):
        bob = await signed_in(server, client)
        await fill(server)
        await server.command("vault", "now", "--base")
        before, log = await counts(server), Log(bob)
        writing = [asyncio.create_task(log.keep_posting()) for _ in range(4)]
        await asyncio.sleep(10)  # the load
        await server.lose_everything()
        await asyncio.gather(*writing)
        began = time.monotonic()
        said = await restore_and_run(server)
        await bob.ask("GET", "/api/v1/timelines/home")
        read_s = time.monotonic() - began
        await bob.ask("POST", "/api/v1/statuses", json={"status": "We are back"})
        write_s = time.monotonic() - began
        output = (await said).decode()
        assert ", 0 are missing" in output, output
        everything_s = time.monotonic() - began
        there = set(await bob.home())
        after = await counts(server)
        async with database(server) as connection:
            known_until = await connection.fetchval("SELECT max(known_until) FROM returns")
            there |= {
                row["uri"]
                for row in await connection.fetch(
                    "SELECT uri FROM statuses WHERE uri = ANY($1)", list(log.confirmed)
                )
            }
    lost = [uri for uri in log.confirmed if uri not in there]
    with capsys.disabled():
        kind = "synchronous" if synchronous else "asynchronous"
        print(
            f"\n{kind}: {len(log.confirmed)} writes confirmed in 10 s, {len(lost)} lost; first read"
            f" after {read_s:.1f} s, first write after {write_s:.1f} s, all files after"
            f" {everything_s:.1f} s"
        )
    if synchronous:
        assert lost == []
    shipped_before = known_until - SHIPPED_WITHIN
    assert [uri for uri in lost if log.confirmed[uri] < shipped_before] == []
    assert after[:2] == before[:2]
    assert after[2] >= POSTS + len(log.confirmed) - len(lost)
    assert after[3] == FILES
    assert read_s < READ_WITHIN_S
    assert write_s < WRITE_WITHIN_S


async def restore_and_run(server: VaultedServer) -> "asyncio.Task[bytes]":
    """Start the server as soon as the restore says so; gives what the restore says to its end."""
    process = await server.begin("vault", "restore", *server.targets, "--words-file", "-")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(server.words.encode())
    process.stdin.close()
    said = b""
    while b"may start" not in said:
        line = await process.stdout.readline()
        assert line, said.decode()
        said += line
    rest = asyncio.create_task(process.stdout.read())
    await server.start()
    return rest

"""A peer whose process dies, is parked, and comes back: it costs nothing, and misses nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from storage.server import connect_existing
from tests.conftest import unused_port
from tests.resilience.server_process import ServerProcess, server_process
from tests.resilience.test_kill import sign_in
from tests.waiting import until

# As if the host had been failing for a week, and is to be tried again now.
_AS_IF_AWAY = """
    WITH due AS (
        UPDATE hosts SET next_try_at = now(),
            failing_since = CASE WHEN failures > 0 THEN now() - interval '8 days' END
        WHERE host = $1 RETURNING host
    )
    SELECT pg_notify('fedserver_deliveries', '') FROM due
"""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two servers, with its person."""

    server: ServerProcess
    database: asyncpg.Connection
    client: aiohttp.ClientSession
    token: str

    async def api(self, method: str, path: str, **body: Any) -> Any:
        """Ask as its person."""
        async with self.client.request(
            method,
            self.server.base_url + path,
            json=body or None,
            headers={"Authorization": f"Bearer {self.token}"},
        ) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """Bob here; Carol there, who follows him."""
    ports = unused_port(), unused_port()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(aiohttp.ClientSession())
        both = []
        for name, port, peer_port in zip(("bob", "carol"), ports, reversed(ports), strict=True):
            folder = tmp_path / name
            folder.mkdir()
            server = await stack.enter_async_context(server_process(folder, port, peer_port))
            await server.make_user(name)
            database = await asyncpg.connect(await connect_existing(folder / "data"))
            stack.push_async_callback(database.close)
            both.append(Side(server, database, client, await sign_in(database)))
        here, there = both
        await _follow(there, f"{here.server.base_url}/users/bob")
        yield here, there


async def _follow(side: Side, uri: str) -> None:
    found = await side.api("GET", f"/api/v2/search?resolve=true&q={uri}")
    account_id = found["accounts"][0]["id"]
    await side.api("POST", f"/api/v1/accounts/{account_id}/follow")

    async def accepted() -> bool:
        relation = await side.api("GET", f"/api/v1/accounts/relationships?id={account_id}")
        return bool(relation[0]["following"])

    await until(accepted)


async def test_a_peer_that_dies_is_parked_and_gets_what_it_missed(
    sides: tuple[Side, Side],
) -> None:
    here, there = sides
    host = there.server.base_url.removeprefix("http://")
    await there.server.kill()
    missed = [await _post(here, number) for number in range(3)]

    async def parked() -> bool:
        row = await here.database.fetchrow("SELECT * FROM hosts WHERE host = $1", host)
        if row["parked_at"] is None:
            await here.database.execute(_AS_IF_AWAY, host)
        return row["parked_at"] is not None and row["leased_until"] is None

    await until(parked, within_s=30)
    missed += [await _post(here, number) for number in range(3, 6)]
    assert await here.database.fetchval("SELECT count(*) FROM deliveries") == 0
    await there.server.start()
    await here.database.execute(_AS_IF_AWAY, host)

    async def has_all() -> bool:
        home = await there.api("GET", "/api/v1/timelines/home")
        return sorted(one["uri"] for one in home) == sorted(missed)

    await until(has_all, within_s=30)
    row = await here.database.fetchrow("SELECT * FROM hosts WHERE host = $1", host)
    assert (row["parked_at"], row["missed_from"], row["failures"]) == (None, None, 0)


async def _post(side: Side, number: int) -> str:
    uri: str = (await side.api("POST", "/api/v1/statuses", status=f"Post {number}"))["uri"]
    return uri

"""Many bad peers beside some good ones: nobody but the bad ones notices. Prints what happened."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import pytest

from storage.server import connect_existing
from tests.conftest import unused_port
from tests.resilience.server_process import ServerProcess
from tests.resilience.test_kill import sign_in
from tests.soak.crowd import Crowd, start_crowd
from tests.waiting import until

POSTS = 60
# Below what the machine can do, as a server mostly is.
POSTS_PER_S = 3.0
# Half of the default, so that the bad ones fail within the time of the test.
PATIENCE_S = 5
SLOWER_AT_MOST = 1.2
# Of the median until a healthy peer has a post. A post for 750 hosts more, good or bad, is 750 rows
# more to be written before it counts as posted; waiting for the bad ones would be seconds.
LATER_AT_MOST = 2.5
GROWTH_AT_MOST_MB = 100

pytestmark = pytest.mark.soak


@dataclass
class SoakServer(ServerProcess):
    """A server that can reach the whole crowd."""

    crowd: Crowd | None = None

    def _write_config(self) -> None:
        assert self.crowd is not None
        hosts = "\n".join(f'"{name}" = "{at}"' for name, at in self.crowd.host_map.items())
        (self.folder / "config.toml").write_text(
            f"""
            [instance]
            domain = "localhost:{self.port}"
            [server]
            port = {self.port}
            [data]
            folder = "data"
            [log]
            level = "warning"
            [federation]
            request_timeout_s = {PATIENCE_S}
            [development]
            rate_limits = false
            reachable_addresses = ["127.0.0.1"]
            [development.host_map]
            """.replace("            ", "")
            + hosts
        )


@dataclass(frozen=True, slots=True)
class Scene:
    """The server with Bob, and everybody who may follow him."""

    server: SoakServer
    crowd: Crowd
    database: asyncpg.Connection
    client: aiohttp.ClientSession
    token: str

    def memory_mb(self) -> float:
        """Give the resident size of the server's process."""
        assert self.server.process is not None
        return psutil.Process(self.server.process.pid).memory_info().rss / 1e6

    async def followed_by(self, hosts: list[str]) -> None:
        """Let somebody on each of `hosts` follow Bob."""
        await self.database.execute(
            """
            WITH people AS (
                INSERT INTO accounts (id, uri, username, domain, url, inbox_url, shared_inbox_url,
                    created_at)
                SELECT (SELECT count(*) FROM accounts) + row_number() OVER (),
                    'http://' || host || '/users/x', 'x', host, 'http://' || host || '/@x',
                    'http://' || host || '/users/x/inbox', 'http://' || host || '/inbox', now()
                FROM unnest($1::text[]) AS h (host) RETURNING id
            )
            INSERT INTO follows (id, account_id, target_id, uri, accepted_at, created_at)
            SELECT p.id, p.id, u.account_id, 'f' || p.id, now(), now() FROM people p, users u
            """,
            hosts,
        )

    async def post(self, text: str) -> str:
        """Post as Bob; give the id of the activity once the server has answered 200."""
        async with self.client.post(
            f"{self.server.base_url}/api/v1/statuses",
            json={"status": text},
            headers={"Authorization": f"Bearer {self.token}"},
        ) as response:
            assert response.status == 200, await response.text()
            uri: str = (await response.json())["uri"]
            return f"{uri}/activity"


@dataclass(frozen=True, slots=True)
class Run:
    """What a number of posts came to."""

    name: str
    deliveries: int
    seconds: float
    median_ms: float
    worst_ms: float
    memory_mb: float
    waiting: int

    def line(self) -> str:
        return (
            f"{self.name:<34} {self.deliveries:>6} {self.deliveries / self.seconds:>9.1f} "
            f"{self.median_ms:>10.0f} {self.worst_ms:>10.0f} {self.memory_mb:>8.0f} "
            f"{self.waiting:>9}"
        )


HEAD = (
    f"{'':<34} {'taken':>6} {'a second':>9} {'median ms':>10} {'worst ms':>10} {'MB':>8} "
    f"{'waiting':>9}"
)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    tmp_path.chmod(0o755)
    async with start_crowd() as crowd, aiohttp.ClientSession() as client:
        server = SoakServer(tmp_path, unused_port(), 0, crowd=crowd)
        await server.start()
        try:
            await server.make_user("bob")
            database = await asyncpg.connect(await connect_existing(tmp_path / "data"))
            try:
                yield Scene(server, crowd, database, client, await sign_in(database))
            finally:
                await database.close()
        finally:
            await server.stop()


async def run(scene: Scene, name: str) -> Run:
    """Post at an even pace and wait until every healthy peer has everything."""
    begun: dict[str, float] = {}
    first = time.monotonic()

    async def post(number: int) -> None:
        await asyncio.sleep(number / POSTS_PER_S)
        asked = time.monotonic()
        begun[await scene.post(f"{name} {number}")] = asked

    await asyncio.gather(*(post(number) for number in range(POSTS)))
    healthy = [scene.crowd.taken[host] for host in scene.crowd.healthy]

    async def all_taken() -> bool:
        return all(uri in taken for taken in healthy for uri in begun)

    await until(all_taken, within_s=60)
    ended = max(taken[uri] for taken in healthy for uri in begun)
    delays = [(taken[uri] - at) * 1000 for taken in healthy for uri, at in begun.items()]
    return Run(
        name,
        len(delays),
        ended - first,
        statistics.median(delays),
        max(delays),
        scene.memory_mb(),
        await scene.database.fetchval("SELECT count(*) FROM deliveries"),
    )


async def test_bad_peers_hold_up_nobody(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    await scene.followed_by(scene.crowd.healthy)
    await run(scene, "warming up")
    runs = [await run(scene, "only the healthy")]
    await scene.followed_by(scene.crowd.bad)
    runs.append(await run(scene, "the bad ones are new"))
    runs.append(await run(scene, "the bad ones are known"))
    await age(scene)
    runs.append(await run(scene, "the bad ones are parked"))
    with capsys.disabled():
        print("\n" + HEAD)
        print("\n".join(one.line() for one in runs))
        print(f"waiting for an answer: at most {PATIENCE_S} s")
        print(await hosts_told(scene))
        print(f"requests that bad peers got: {scene.crowd.bad_requests}")
    alone = runs[0]
    for one in runs[1:]:
        assert one.seconds <= alone.seconds * SLOWER_AT_MOST, one
        assert one.median_ms <= alone.median_ms * LATER_AT_MOST, one
        assert one.memory_mb - alone.memory_mb < GROWTH_AT_MOST_MB, one
    assert scene.crowd.repeated == 0
    assert runs[-1].waiting <= len(scene.crowd.bad), "a parked host costs no rows for new posts"


async def age(scene: Scene) -> None:
    """As if the bad ones had failed for a week: the next failure parks them."""
    as_if = """
        UPDATE hosts SET failing_since = now() - interval '8 days', next_try_at = now()
        WHERE host NOT LIKE 'healthy%' AND parked_at IS NULL AND leased_until IS NULL
          AND (failing_since IS NULL OR failing_since > now() - interval '7 days')
    """
    parked = "SELECT count(*) FROM hosts WHERE parked_at IS NOT NULL"

    async def most_are_parked() -> bool:
        await scene.database.execute(as_if)
        return bool(await scene.database.fetchval(parked) >= len(scene.crowd.bad) * 0.95)

    await until(most_are_parked, within_s=150)


async def hosts_told(scene: Scene) -> str:
    rows = await scene.database.fetch(
        """
        SELECT split_part(host, '-', 1) AS kind, count(*) AS hosts, min(failures) AS fewest,
            max(failures) AS most, count(parked_at) AS parked, max(last_error) AS error
        FROM hosts GROUP BY 1 ORDER BY 1
        """
    )
    return "\n".join(
        f"{row['kind']:<8} {row['hosts']:>4} hosts, failed {row['fewest']} to {row['most']} times, "
        f"{row['parked']} parked; such as {row['error']}"
        for row in rows
    )

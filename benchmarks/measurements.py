"""The jobs that are measured on running servers, each the same for both."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.generating import LoadGenerator
from benchmarks.meter import Cpu
from benchmarks.samples import Aim, Sample, percentile
from benchmarks.scene import Scene
from benchmarks.sides import ServerFailed, Side

_STATUSES_IN_TURN = 100
_ARRIVAL_LIMIT_S = 60
_ACTIVITY_JSON = "application/activity+json"
_SOME_STATUSES = "SELECT id FROM statuses WHERE NOT local ORDER BY id LIMIT $1"
_DELAYS = """
    SELECT extract(epoch FROM processed_at - received_at)::float8 AS delay_s FROM inbox_items
    WHERE activity_uri LIKE '%/statuses/' || $1 || '-%' AND processed_at IS NOT NULL
"""
_SHOWN_AT_HOME = """
    SELECT count(*) FROM home_entries h JOIN statuses s ON s.id = h.status_id
    WHERE s.uri LIKE '%/statuses/' || $1 || '-%'
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """What every measurement needs: one server, the load, and a name for this time."""

    side: Side
    load: LoadGenerator
    scene: Scene
    run: str

    @property
    def host(self) -> str:
        return self.side.server.host

    @property
    def is_roofline(self) -> bool:
        return self.side.name == "roofline"

    def cpu(self) -> Cpu:
        return self.side.server.meter.cpu()

    async def send(self, connections: int | None = None) -> dict[str, Any]:
        """Send what is ready. Raises ServerFailed for any answer but success."""
        answer = await self.load.ask(
            "send",
            port=self.side.server.port,
            connections=connections or self.scene.size.connections,
        )
        refused = {status for status in answer["statuses"] if not status.startswith("2")}
        if refused:
            raise ServerFailed(f"{answer['statuses']}: {answer['first_refusal']}")
        return answer


@dataclass(frozen=True, slots=True)
class Measurement:
    """A job and how it is measured."""

    name: str
    title: str
    aim: Aim
    take: Callable[[Bench], Awaitable[Sample]]
    unit: str = "ms"


def _sample(used: Cpu, count: int, seconds: float, latencies_s: list[float]) -> Sample:
    return Sample(
        cost=used.total_ms / count,
        database_cost=used.database_ms / count,
        per_second=count / seconds,
        p50_ms=percentile(latencies_s, 0.5) * 1000,
        p99_ms=percentile(latencies_s, 0.99) * 1000,
    )


async def _gets(bench: Bench, paths: list[str], headers: dict[str, str]) -> Sample:
    """Measure GETs of `paths` in turn; each is asked once before."""
    headers = {"Host": bench.host, **headers}
    count = bench.scene.size.requests
    warm = max(len(paths), bench.scene.size.connections)
    await bench.load.ask("prepare_gets", paths=paths, headers=headers, count=warm)
    await bench.send()
    await bench.load.ask("prepare_gets", paths=paths, headers=headers, count=count)
    before = bench.cpu()
    answer = await bench.send()
    return _sample(bench.cpu() - before, count, answer["seconds"], answer["latencies_s"])


async def home(bench: Bench) -> Sample:
    path = "/api/v1/timelines/home?limit=40"
    return await _gets(bench, [path], _bearer(bench, "reader"))


async def home_of_ready_bytes(bench: Bench) -> Sample:
    path = "/ready_bytes/home" if bench.is_roofline else "/api/v1/timelines/home?limit=40"
    return await _gets(bench, [path], _bearer(bench, "reader"))


async def public(bench: Bench) -> Sample:
    return await _gets(bench, ["/api/v1/timelines/public?limit=40"], {})


async def one_status(bench: Bench) -> Sample:
    async with bench.side.server.database() as connection:
        ids = [row["id"] for row in await connection.fetch(_SOME_STATUSES, _STATUSES_IN_TURN)]
    return await _gets(bench, [f"/api/v1/statuses/{one}" for one in ids], {})


async def actor(bench: Bench) -> Sample:
    return await _gets(bench, ["/users/author"], {"Accept": _ACTIVITY_JSON})


async def webfinger(bench: Bench) -> Sample:
    path = f"/.well-known/webfinger?resource=acct:author@{bench.host}"
    return await _gets(bench, [path], {})


def _bearer(bench: Bench, name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {bench.scene.tokens[name]}"}


async def inbox_accepted(bench: Bench) -> Sample:
    """Measure from the first POST to the last 202, while nothing can be processed."""
    count = bench.scene.size.activities
    await bench.load.ask("prepare_creates", host=bench.host, count=count, run=bench.run)
    async with bench.side.server.not_processing():
        before = bench.cpu()
        answer = await bench.send()
        used = bench.cpu() - before
    await bench.side.server.settled()
    return _sample(used, count, answer["seconds"], answer["latencies_s"])


async def accepted_to_visible(bench: Bench) -> Sample:
    """Measure from the first POST until all are in the followers' home timelines."""
    count = bench.scene.size.activities
    await bench.load.ask("prepare_creates", host=bench.host, count=count, run=bench.run)
    before, began = bench.cpu(), time.perf_counter()
    await bench.send()
    await bench.side.server.settled()
    seconds, used = time.perf_counter() - began, bench.cpu() - before
    async with bench.side.server.database() as connection:
        shown = await connection.fetchval(_SHOWN_AT_HOME, bench.run)
        delays_s = [row["delay_s"] for row in await connection.fetch(_DELAYS, bench.run)]
    if shown < count:
        raise ServerFailed(f"{shown} of {count} accepted activities are visible")
    return _sample(used, count, seconds, delays_s)


async def delivery_plain(bench: Bench) -> Sample:
    return await _deliveries(bench, "author")


async def delivery_tls(bench: Bench) -> Sample:
    return await _deliveries(bench, "secured")


async def _deliveries(bench: Bench, author: str) -> Sample:
    """Measure posts to followers on many hosts, until the queue is empty; once before, to warm."""
    await _deliver(bench, author)
    return await _deliver(bench, author)


async def _deliver(bench: Bench, author: str) -> Sample:
    posts = bench.scene.size.delivered_posts
    count = posts * bench.scene.size.hosts
    await _prepare_statuses(bench, author, posts)
    await bench.load.ask("expect", count=count)
    before = bench.cpu()
    await bench.send(connections=1)
    answer = await bench.load.ask("arrived", timeout_s=_ARRIVAL_LIMIT_S)
    await bench.side.server.settled()
    used = bench.cpu() - before
    arrivals_s = answer["arrivals_s"]
    return _sample(used, count, max(arrivals_s), arrivals_s)


async def post_status(bench: Bench) -> Sample:
    """Measure posting by one person, one post after the other."""
    count = bench.scene.size.statuses
    await _prepare_statuses(bench, "poster", count)
    before = bench.cpu()
    answer = await bench.send(connections=1)
    await bench.side.server.settled()
    return _sample(bench.cpu() - before, count, answer["seconds"], answer["latencies_s"])


async def _prepare_statuses(bench: Bench, author: str, count: int) -> None:
    token = bench.scene.tokens[author]
    await bench.load.ask(
        "prepare_statuses", host=bench.host, token=token, count=count, run=bench.run
    )


MEASUREMENTS = (
    Measurement("inbox", "inbox: accepted, committed", Aim(ratio=2.0), inbox_accepted),
    Measurement("visible", "inbox: accepted to visible", Aim(cost=1.5), accepted_to_visible),
    Measurement("delivery-plain", "delivery, warm, http", Aim(ratio=1.5), delivery_plain),
    Measurement("delivery-tls", "delivery, warm, TLS", Aim(ratio=1.5), delivery_tls),
    Measurement("home", "home page of 40", Aim(ratio=1.3), home),
    Measurement("home-ready", "home page of 40 (ready bytes)", Aim(), home_of_ready_bytes),
    Measurement("public", "public page of 40", Aim(ratio=1.3), public),
    Measurement("status", "one status (API)", Aim(cost=0.5), one_status),
    Measurement("actor", "actor document", Aim(cost=0.4), actor),
    Measurement("webfinger", "WebFinger", Aim(cost=0.15), webfinger),
    Measurement("post", "post a status", Aim(), post_status),
)

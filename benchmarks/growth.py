"""`python -m benchmarks.growth`: pages under 32 clients, however many posts there are.

Each page is measured beside a bare server that does one query and the JSON of a page of the same
size (`benchmarks.bare_pages`), in turn, with the same load generator in this process. The ratio is
that of CPU, which other work on the machine disturbs less than the rates.
"""

import argparse
import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from benchmarks.bare_pages import MAKE_TABLE, PUT_PAGE, items_of
from benchmarks.fedserver_side import FedserverSide
from benchmarks.filling import READERS, WORD, fill, thread_root
from benchmarks.http_load import Answers, request_bytes, send
from benchmarks.meter import Meter
from benchmarks.samples import percentile
from benchmarks.sides import REPOSITORY, Outside, ServerFailed, environment, free_port, python
from storage.server import connect_existing

_PAGES = (20, 40)
_TRIAL = 64
_LONGEST = 4_000
_AUTHOR = 2
_START, _END = "<!-- growth: begin -->", "<!-- growth: end -->"
_REPORT = REPOSITORY / "docs" / "performance.md"
_QUERIES = """
    SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
    WHERE query !~* '^(begin|commit|rollback|set|show|listen|select pg_advisory|discard)'
      AND query !~ 'pg_stat_statements'
"""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the API; `{n}` is how many entities are wanted."""

    name: str
    path: str
    signed_in: bool = True

    def request(self, port: int, n: int, token: str) -> bytes:
        """Give the request of one reader."""
        headers = {"Host": f"localhost:{port}"}
        if self.signed_in:
            headers["Authorization"] = f"Bearer {token}"
        thread = thread_root(n)
        return request_bytes("GET", self.path.format(n=n, thread=thread), headers)


PAGES: tuple[Page, ...] = (
    Page("home", "/api/v1/timelines/home?limit={n}"),
    Page("public", "/api/v1/timelines/public?limit={n}", signed_in=False),
    Page("account", f"/api/v1/accounts/{_AUTHOR}/statuses?limit={{n}}"),
    Page("context", "/api/v1/statuses/{thread}/context"),
    Page("search", f"/api/v2/search?q={WORD}&type=statuses&limit={{n}}"),
    Page("notifications v1", "/api/v1/notifications?limit={n}"),
    Page("notifications v2", "/api/v2/notifications?limit={n}"),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What was seen of one page."""

    statuses: int
    page: str
    n: int
    kilobytes: float
    bare_per_s: float
    per_s: float
    ratio: float
    p50_ms: float
    p99_ms: float
    queries: float
    cpu_ms: float

    def line(self) -> str:
        """Give the row of the table."""
        return (
            f"| {self.page} | {self.n} | {self.kilobytes:.0f} | {self.bare_per_s:.0f} "
            f"| {self.per_s:.0f} | {self.ratio:.2f} | {self.p50_ms:.0f} | {self.p99_ms:.0f} "
            f"| {self.queries:.1f} |"
        )


class Measuring:
    """fedserver with its database, and the bare server on the same database."""

    def __init__(
        self, side: FedserverSide, bare_port: int, bare_meter: Meter, tokens: list[str]
    ) -> None:
        self._side = side
        self._bare_port = bare_port
        self._bare_meter = bare_meter
        self._tokens = tokens

    async def measure(
        self, statuses: int, page: Page, n: int, seconds: float, rounds: int
    ) -> Figures:
        """Measure one page: bare and fedserver in turn, `rounds` times."""
        port = self._side.server.port
        ours = [page.request(port, n, token) for token in self._tokens]
        body = await _body_of(port, ours[0])
        name = f"{page.name.replace(' ', '-')}-{n}"
        await self._put_bare(name, body)
        bare = [request_bytes("GET", f"/{name}", {"Host": f"localhost:{self._bare_port}"})]
        queries = await self._queries(port, ours)
        of_bare, of_ours = [], []
        for _ in range(rounds):
            of_bare.append(await _load(self._bare_port, bare, seconds, self._bare_meter))
            of_ours.append(await _load(port, ours, seconds, self._side.server.meter))
        latencies = [one for load in of_ours for one in load.answers.latencies_s]
        ratios = [one.cpu_ms / own.cpu_ms for one, own in zip(of_bare, of_ours, strict=True)]
        return Figures(
            statuses=statuses,
            page=page.name,
            n=n,
            kilobytes=len(body) / 1000,
            bare_per_s=median(_rate(one.answers) for one in of_bare),
            per_s=median(_rate(one.answers) for one in of_ours),
            ratio=median(ratios),
            p50_ms=percentile(latencies, 0.5) * 1000,
            p99_ms=percentile(latencies, 0.99) * 1000,
            queries=queries,
            cpu_ms=median(one.cpu_ms for one in of_ours),
        )

    async def _put_bare(self, name: str, body: bytes) -> None:
        items = [orjson.dumps(item).decode() for item in items_of(body)]
        if not items:
            raise ServerFailed(f"{name} is empty: {body[:200]!r}")
        async with self._side.server.database() as connection:
            await connection.execute(PUT_PAGE, name, items)

    async def _queries(self, port: int, requests: Sequence[bytes]) -> float:
        """Count the statements of a request, once everything is warm."""
        await send(port, _repeated(requests, _TRIAL), READERS)
        async with self._side.server.database() as connection:
            before = await connection.fetchval(_QUERIES)
            await send(port, _repeated(requests, _TRIAL), READERS)
            after = await connection.fetchval(_QUERIES)
        return float(after - before) / _TRIAL


async def _body_of(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise ServerFailed(f"{request[:80]!r}: {head[:80]!r} {body[:300]!r}")
        return body
    finally:
        writer.close()


@dataclass(frozen=True, slots=True)
class _Load:
    """What came of a load, and the CPU of one request, PostgreSQL's included."""

    answers: Answers
    cpu_ms: float


async def _load(port: int, requests: Sequence[bytes], seconds: float, meter: Meter) -> _Load:
    """Send for about so many seconds from 32 connections."""
    trial = await send(port, _repeated(requests, _TRIAL), READERS)
    count = max(_TRIAL, min(_LONGEST, int(_rate(trial) * seconds)))
    before = meter.cpu()
    answers = await send(port, _repeated(requests, count), READERS)
    used = meter.cpu() - before
    if set(answers.statuses) != {200}:
        raise ServerFailed(f"{dict(answers.statuses)}: {answers.first_refusal}")
    return _Load(answers, used.total_ms / count)


def _repeated(requests: Sequence[bytes], count: int) -> list[bytes]:
    return [requests[place % len(requests)] for place in range(count)]


def _rate(answers: Answers) -> float:
    return len(answers.latencies_s) / answers.seconds


@asynccontextmanager
async def _running(folder: Path, statuses: int) -> AsyncIterator[Measuring]:
    side = FedserverSide(folder, Outside(1, 2, None, [], []))
    base_url = f"http://localhost:{side.server.port}"
    tokens = await fill(side.server.data_folder, statuses, base_url)
    async with AsyncExitStack() as stack:
        await side.server.start()
        stack.push_async_callback(side.server.stop)
        async with side.server.database() as connection:
            await connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
            await connection.execute(MAKE_TABLE)
        port = free_port()
        bare = await stack.enter_async_context(_bare_server(port, side.server.data_folder))
        yield Measuring(side, port, bare, tokens)


@asynccontextmanager
async def _bare_server(port: int, data_folder: Path) -> AsyncIterator[Meter]:
    dsn = await connect_existing(data_folder)
    process = await asyncio.create_subprocess_exec(
        *python("-m", "benchmarks.bare_pages", str(port), dsn or ""),
        cwd=REPOSITORY,
        env=environment(),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        if process.stdout is None or not await process.stdout.readline():
            raise ServerFailed("the bare server does not start")
        yield Meter(process.pid, data_folder)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _open_to_all(folder: Path) -> Path:
    """As root, PostgreSQL runs as somebody else."""
    folder.chmod(0o755)
    return folder


async def measure_at(
    statuses: int, *, pages: Sequence[Page] = PAGES, seconds: float, rounds: int
) -> list[Figures]:
    """Fill a database with so many statuses and measure all pages."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        async with _running(_open_to_all(Path(name)), statuses) as measuring:
            return [
                await measuring.measure(statuses, page, n, seconds, rounds)
                for page in pages
                for n in _PAGES
            ]


def tables(found: Sequence[Figures]) -> str:
    """Give the figures of each number of statuses, and how costs grow."""
    sizes = sorted({one.statuses for one in found})
    return "\n".join([*_by_size(found, sizes), *_growth(found, sizes)])


def _by_size(found: Sequence[Figures], sizes: Sequence[int]) -> Iterator[str]:
    for size in sizes:
        yield f"\n{size:,} statuses, 1,000 accounts, {READERS} clients:\n"
        yield "| page | of | kB | bare/s | fedserver/s | ratio | p50 ms | p99 ms | queries |"
        yield "|---|---|---|---|---|---|---|---|---|"
        yield from (one.line() for one in found if one.statuses == size)


def _growth(found: Sequence[Figures], sizes: Sequence[int]) -> Iterator[str]:
    if len(sizes) < 2:
        return
    yield "\nCPU of a request with its database, in ms, by how many statuses there are:\n"
    yield "| page | of | " + " | ".join(f"{size:,}" for size in sizes) + " |"
    yield "|---" * (len(sizes) + 2) + "|"
    for page, n in dict.fromkeys((one.page, one.n) for one in found):
        same = {one.statuses: one.cpu_ms for one in found if (one.page, one.n) == (page, n)}
        yield f"| {page} | {n} | " + " | ".join(f"{same[size]:.1f}" for size in sizes) + " |"


def write_report(text: str, report: Path = _REPORT) -> None:
    """Put the tables into the page about performance, in place of those of before."""
    page = report.read_text("utf-8")
    before, _, rest = page.partition(_START)
    _, _, after = rest.partition(_END)
    report.write_text(f"{before}{_START}\n{text}\n{_END}{after}", "utf-8")


def main() -> None:
    """Measure what the command line asks for, and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--statuses", type=int, nargs="+", default=[100_000])
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load (default: 3)")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", metavar="NAME", help="pages whose name contains it")
    parser.add_argument("--write", action="store_true", help="write into docs/performance.md")
    options = parser.parse_args()
    pages = [page for page in PAGES if options.only in page.name]
    found: list[Figures] = []
    for statuses in options.statuses:
        found += asyncio.run(
            measure_at(statuses, pages=pages, seconds=options.seconds, rounds=options.rounds)
        )
    print(tables(found))
    if options.write:
        write_report(tables(found))


if __name__ == "__main__":
    main()

"""A run: both servers, round by round, one after the other for each job."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import seeding
from benchmarks.fedserver_side import FedserverSide
from benchmarks.generating import LoadGenerator, load_generator
from benchmarks.measurements import MEASUREMENTS, Bench, Measurement
from benchmarks.roofline_side import RooflineSide
from benchmarks.samples import Row, Sample
from benchmarks.scene import Scene, Size, plain_hosts, tls_hosts
from benchmarks.sides import Outside, ServerFailed, Side
from benchmarks.starting import (
    IDLING,
    QUIET_ROWS,
    STARTS,
    USED_MEMORY,
    QuietRow,
    measure_idling,
    measure_starts,
)

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run. `only` is a part of the names of the rows that are wanted."""

    size: Size
    rounds: int
    only: str = ""
    servers: tuple[str, ...] = ("roofline", "fedserver")
    profile: Path | None = None

    def wants(self, row: Measurement | QuietRow) -> bool:
        return self.only in row.name

    @property
    def measurements(self) -> list[Measurement]:
        return [one for one in MEASUREMENTS if self.wants(one)]


async def run(plan: Plan, tell: Tell) -> list[Row]:
    """Do what `plan` says and give the rows of the table. `tell` hears how far it is.

    Raises ServerFailed.
    """
    rows = {
        one.name: Row(one.name, one.title, one.unit, one.aim, [], [])
        for one in (*MEASUREMENTS, *QUIET_ROWS)
        if plan.wants(one)
    }
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as name:
        folder = _open_to_all(Path(name))
        await _measure_quiet(plan, folder, rows, tell)
        if plan.measurements:
            await _measure_jobs(plan, folder, rows, tell)
    return list(rows.values())


async def _measure_quiet(plan: Plan, folder: Path, rows: dict[str, Row], tell: Tell) -> None:
    """Measure starts in each round, and idling in the first, with no other server running."""
    if not any(plan.wants(one) for one in (*STARTS, *IDLING)):
        return
    nobody = Outside(1, 2, None, [], [])
    for number in range(plan.rounds):
        for make in _in_turn(plan, number):
            side = make(_subfolder(folder, f"start-{number}-{make.name}"), nobody)
            tell(f"round {number + 1} of {plan.rounds}: {side.name} starts")
            async with _stopped_at_the_end(side):
                _keep(rows, side, STARTS, await measure_starts(side))
                if number == 0 and any(plan.wants(one) for one in IDLING):
                    _keep(rows, side, IDLING, await measure_idling(side, plan.size.idle_s))


async def _measure_jobs(plan: Plan, folder: Path, rows: dict[str, Row], tell: Tell) -> None:
    async with AsyncExitStack() as stack:
        load = await stack.enter_async_context(load_generator())
        outside, scene = await _open_outside(load, plan.size, folder)
        sides: list[Side] = []
        for side in _sides(plan, folder, outside):
            tell(f"{side.name} is filled")
            await stack.enter_async_context(_stopped_at_the_end(side))
            await prepare(side, load, scene)
            sides.append(side)
        for number in range(plan.rounds):
            for measurement in plan.measurements:
                tell(f"round {number + 1} of {plan.rounds}: {measurement.title}")
                for side in sides if number % 2 == 0 else reversed(sides):
                    bench = Bench(side, load, scene, f"{measurement.name}{number}")
                    _keep(rows, side, [measurement], [await _taken(measurement, bench)])
        if plan.wants(USED_MEMORY):
            tell("both servers idle")
            for side in sides:
                used = (await measure_idling(side, plan.size.idle_s))[:1]
                _keep(rows, side, [USED_MEMORY], used)


async def _taken(measurement: Measurement, bench: Bench) -> Sample:
    try:
        return await measurement.take(bench)
    except ServerFailed as error:
        said = bench.side.server.last_words()
        raise ServerFailed(f"{bench.side.name}, {measurement.name}: {error}\n{said}") from error


async def prepare(side: Side, load: LoadGenerator, scene: Scene) -> None:
    """Start a server, fill it, and let it get to know those who will send."""
    await side.server.start()
    await side.seed(scene)
    await load.ask(
        "prepare_creates", host=side.server.host, count=len(scene.senders), run="introduction"
    )
    await Bench(side, load, scene, "").send()
    await side.server.settled()
    async with side.server.database() as connection:
        await seeding.follow_senders(connection, scene)


def _sides(plan: Plan, folder: Path, outside: Outside) -> Iterator[Side]:
    if "roofline" in plan.servers:
        yield RooflineSide(_subfolder(folder, "roofline"), outside)
    if "fedserver" in plan.servers:
        yield FedserverSide(_subfolder(folder, "fedserver"), outside, plan.profile)


def _in_turn(plan: Plan, number: int) -> Sequence[type[RooflineSide] | type[FedserverSide]]:
    both = [make for make in (RooflineSide, FedserverSide) if make.name in plan.servers]
    return both if number % 2 == 0 else both[::-1]


async def _open_outside(load: LoadGenerator, size: Size, folder: Path) -> tuple[Outside, Scene]:
    """Start the fake peers."""
    plain, secured = plain_hosts(size), tls_hosts(size)
    opened = await load.ask("open", plain_hosts=plain, tls_hosts=secured, senders=size.senders)
    ca_file = folder / "ca.pem"
    ca_file.write_text(opened["ca_pem"])
    outside = Outside(opened["plain_port"], opened["tls_port"], ca_file, plain, secured)
    return outside, Scene(size, [(uri, pem) for uri, pem in opened["senders"]])


def _keep(
    rows: dict[str, Row],
    side: Side,
    which: Sequence[Measurement | QuietRow],
    samples: Sequence[Sample],
) -> None:
    for one, sample in zip(which, samples, strict=True):
        if one.name in rows:
            row = rows[one.name]
            (row.roofline if side.name == "roofline" else row.fedserver).append(sample)


@asynccontextmanager
async def _stopped_at_the_end(side: Side) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await side.server.stop()


def _subfolder(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir(mode=0o755)
    return made


def _open_to_all(folder: Path) -> Path:
    # As root, PostgreSQL runs as another user, who must get to its files.
    folder.chmod(0o755)
    return folder

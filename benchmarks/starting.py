"""What is measured without load: start-up and idling, of a server that was never used."""

import asyncio
from dataclasses import dataclass

from benchmarks.samples import Aim, Sample
from benchmarks.sides import Side


@dataclass(frozen=True, slots=True)
class QuietRow:
    """A row of the table that comes from no load."""

    name: str
    title: str
    unit: str
    aim: Aim


FIRST_START = QuietRow("start-first", "start-up, empty folder", "s", Aim(cost=3.0))
LATER_START = QuietRow("start-later", "start-up, later", "s", Aim(cost=1.5))
IDLE_MEMORY = QuietRow("idle-memory", "idle memory (PSS, with database)", "MB", Aim(cost=130))
IDLE_CPU = QuietRow("idle-cpu", "idle CPU (of one core)", "%", Aim(cost=0.5))
USED_MEMORY = QuietRow("used-memory", "idle memory after this run", "MB", Aim())

STARTS = (FIRST_START, LATER_START)
IDLING = (IDLE_MEMORY, IDLE_CPU)
QUIET_ROWS = (*STARTS, *IDLING, USED_MEMORY)


async def measure_starts(side: Side) -> list[Sample]:
    """Start on an empty folder, and again; the server then stays up."""
    first_s = await side.server.start()
    await side.server.stop()
    return [Sample(first_s), Sample(await side.server.start())]


async def measure_idling(side: Side, seconds: float) -> list[Sample]:
    """Leave the server alone for `seconds` (the first second is not counted); memory and CPU."""
    meter = side.server.meter
    await asyncio.sleep(min(1.0, seconds))
    before = meter.cpu()
    await asyncio.sleep(seconds)
    used_percent = (meter.cpu() - before).total_ms / (seconds * 1000) * 100
    return [Sample(meter.pss_mb()), Sample(used_percent)]

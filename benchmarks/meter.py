"""What a server costs: CPU time and memory of its whole process tree, its PostgreSQL included."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

_CPUCLOCK_SCHED = 2


@dataclass(frozen=True, slots=True)
class Cpu:
    """Milliseconds of CPU."""

    server_ms: float
    database_ms: float

    @property
    def total_ms(self) -> float:
        return self.server_ms + self.database_ms

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.server_ms - earlier.server_ms, self.database_ms - earlier.database_ms)


@dataclass(frozen=True, slots=True)
class Meter:
    """Measures the process `pid`, the PostgreSQL of `data_folder`, and all their children."""

    pid: int
    data_folder: Path

    def cpu(self) -> Cpu:
        """Give the CPU time used so far, that of children that ended included."""
        database = {one.pid for root in _postmaster(self.data_folder) for one in _family(root)}
        used = {one.pid: _cpu_ms(one.pid) for one in self._processes()}
        of_database = sum(used_ms for pid, used_ms in used.items() if pid in database)
        return Cpu(sum(used.values()) - of_database, of_database)

    def pss_mb(self) -> float:
        """Give the memory in megabytes (2^20); what processes share counts in proportion."""
        return sum(_pss_kb(process.pid) for process in self._processes()) / 1024

    def _processes(self) -> list[psutil.Process]:
        roots = [self.pid, *_postmaster(self.data_folder)]
        # The postmaster may be a child of the server or stand alone: each process once.
        return list({one.pid: one for root in roots for one in _family(root)}.values())


def _postmaster(data_folder: Path) -> Iterable[int]:
    try:
        first = (data_folder / "postgres" / "cluster" / "postmaster.pid").read_text().split()[0]
    except (OSError, IndexError):
        return []
    return [int(first)]


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _cpu_ms(pid: int) -> float:
    try:
        return _own_cpu_ms(pid) + _waited_for_cpu_ms(pid)
    except OSError:
        return 0.0  # it ended between the listing and now; its parent has its time


def _own_cpu_ms(pid: int) -> float:
    # The CPU clock of another process (clock_getcpuclockid(3)) has nanoseconds; /proc/PID/stat
    # has ticks of 10 ms, the cost of a hundred small requests.
    return time.clock_gettime((~pid << 3) | _CPUCLOCK_SCHED) * 1000


def _waited_for_cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) * 1000 / os.sysconf("SC_CLK_TCK")


def _pss_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

"""PostgreSQL's own note about itself: the file postmaster.pid in its folder."""

from dataclasses import dataclass
from pathlib import Path

import psutil

_LINES = 8


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The process that postmaster.pid names; `status` is starting, ready, stopping or standby."""

    pid: int
    socket_folder: Path
    status: str


def read_postmaster(cluster: Path) -> Postmaster | None:
    """Give what the file says, None where there is none, or it is not complete yet."""
    try:
        lines = (cluster / "postmaster.pid").read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    if len(lines) < _LINES or not lines[0].isdigit():
        return None
    return Postmaster(int(lines[0]), Path(lines[4]), lines[7].strip())


def find_postmaster(cluster: Path) -> Postmaster | None:
    """Give the PostgreSQL that really runs on `cluster`, whoever started it."""
    noted = read_postmaster(cluster)
    return noted if noted is not None and works_in(noted.pid, cluster) else None


def works_in(pid: int, cluster: Path) -> bool:
    """Whether the process `pid` is a postmaster of `cluster`, not a stranger with its number.

    Every PostgreSQL process has its cluster as the working directory.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return Path(process.cwd()) == cluster
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True

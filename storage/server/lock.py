"""One fedserver for each data folder."""

import fcntl
import os
import time
from pathlib import Path

from storage.server.errors import DataFolderInUse

_TRIES = 3
_BETWEEN_TRIES_S = 0.01


class FolderLock:
    """Holds the data folder while this process lives; the file tells others its number.

    The kernel lets go when the process ends, in whatever way.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the folder. Raises DataFolderInUse, and OSError where the file cannot be written."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if not _lock(file):
            pid = _read_pid(file)
            os.close(file)
            raise DataFolderInUse(self._path.parent, pid)
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Let go of the folder; does nothing where it is not held."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def is_held(path: Path) -> bool:
    """Whether some fedserver holds the folder now."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def holder(path: Path) -> int | None:
    """Give the number of the process that said it holds the folder."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _read_pid(file)
    finally:
        os.close(file)


def _lock(file: int) -> bool:
    # More than once: whoever asks `is_held` holds it for a moment.
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_BETWEEN_TRIES_S)
        else:
            return True
    return False


def _read_pid(file: int) -> int | None:
    text = os.pread(file, 32, 0).strip()
    return int(text) if text.isdigit() else None

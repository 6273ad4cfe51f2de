"""What can keep the embedded PostgreSQL from running. Each text says what to do next."""

from pathlib import Path

from storage.database import StorageError


class DataFolderInUse(StorageError):
    """Another fedserver, the process `pid` (None: it did not say), works on the folder."""

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = "another fedserver" if pid is None else f"another fedserver (process {pid})"
        stop = "stop it" if pid is None else f"stop it (kill {pid})"
        super().__init__(
            f"{who} uses the data folder {folder}: {stop}, or give this one a folder of its own"
        )
        self.pid = pid


class DataFolderUnusable(StorageError):
    """The data folder cannot be made, entered or written by this user."""


class PostgresUnreachable(StorageError):
    """PostgreSQL cannot run as root, and no other user can reach its files."""


class PostgresFailed(StorageError):
    """PostgreSQL did not start; the text ends with what it said."""

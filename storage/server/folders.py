"""Where the embedded PostgreSQL keeps its things, and who may enter."""

import getpass
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from storage.server.errors import DataFolderUnusable
from storage.server.identity import Identity

# A Unix socket's path has 107 bytes on Linux and 103 on macOS.
MAX_SOCKET_PATH_BYTES = 100
SOCKET_NAME = ".s.PGSQL.5432"


@dataclass(frozen=True, slots=True)
class Folders:
    """The places inside a data folder. Only `postgres` and below belong to PostgreSQL's user."""

    data: Path

    @classmethod
    def of(cls, data_folder: Path) -> "Folders":
        """Take a data folder, which need not exist yet."""
        return cls(data_folder.expanduser().resolve())

    @property
    def lock_file(self) -> Path:
        return self.data / "fedserver.lock"

    @property
    def start_log(self) -> Path:
        """What PostgreSQL says before its own log is open."""
        return self.data / "postgres-start.log"

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def cluster(self) -> Path:
        return self.postgres / "cluster"

    @property
    def new_cluster(self) -> Path:
        """A cluster in the making: what is found here was interrupted."""
        return self.postgres / "cluster.new"

    @property
    def log(self) -> Path:
        return self.postgres / "log"

    @property
    def socket(self) -> Path:
        """The folder of the socket: ours, or one in /tmp where our path does not do.

        /tmp and not the user's runtime folder, so that a service and a shell mean the same one.
        """
        ours = self.postgres / "run"
        # asyncpg takes a comma for the start of another host.
        if len(os.fsencode(ours / SOCKET_NAME)) <= MAX_SOCKET_PATH_BYTES and "," not in str(ours):
            return ours
        return Path("/tmp") / f"fedserver-{hashlib.sha256(bytes(self.data)).hexdigest()[:16]}"


def make_data_folder(data_folder: Path) -> None:
    """Make the data folder, closed to others. Raises DataFolderUnusable.

    As root it may be passed through, though not listed: PostgreSQL's user has to.
    """
    folders = Folders.of(data_folder)
    try:
        folders.data.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folders, error) from error
    if not os.access(folders.data, os.R_OK | os.W_OK | os.X_OK):
        raise unusable(folders, PermissionError("permission denied"))


def has_database(data_folder: Path) -> bool:
    """Whether a database was made in `data_folder`, as far as this user may see."""
    try:
        return Folders.of(data_folder).cluster.exists()
    except PermissionError:
        return True


def make_postgres_folders(folders: Folders, identity: Identity) -> None:
    """Make the folders of PostgreSQL's user. Raises DataFolderUnusable."""
    try:
        for folder in (folders.postgres, folders.log, folders.socket):
            _make_private(folder, identity)
    except OSError as error:
        raise unusable(folders, error) from error


def _make_private(folder: Path, identity: Identity) -> None:
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, identity.uid, identity.gid)
    except FileExistsError:
        _check_private(folder, identity)


def _check_private(folder: Path, identity: Identity) -> None:
    """Refuse what somebody else put there: /tmp is open to all."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise DataFolderUnusable(f"{folder} is in the way: remove it")
    if found.st_uid != identity.uid:
        raise DataFolderUnusable(
            f"{folder} belongs to another user (number {found.st_uid}) than {identity.name}, "
            "perhaps because fedserver was started as another user before. Start it as that user "
            f"again, or hand the folder over: sudo chown -R {identity.name} {folder}"
        )


def unusable(folders: Folders, error: OSError) -> DataFolderUnusable:
    """Give the error that says what to do about `error`, met inside the data folder."""
    reason = error.strerror or str(error)
    if not isinstance(error, PermissionError):
        return DataFolderUnusable(f"the data folder {folders.data} cannot be used: {reason}")
    user = getpass.getuser()
    return DataFolderUnusable(
        f"the user {user} may not write to the data folder {folders.data}. Hand it over: "
        f"sudo chown -R {user} {folders.data} - or choose another folder"
    )

"""Starting and stopping the embedded PostgreSQL."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import asyncpg

from storage.server.cluster import (
    DATABASE,
    ENVIRONMENT,
    USER,
    ensure_cluster,
    program,
    write_settings,
)
from storage.server.errors import DataFolderInUse, PostgresFailed
from storage.server.folders import Folders, make_data_folder, make_postgres_folders, unusable
from storage.server.identity import Identity, choose_identity
from storage.server.lock import FolderLock, holder, is_held
from storage.server.postmaster import find_postmaster, read_postmaster, works_in
from storage.server.synchronous import release_commits

log = logging.getLogger(__name__)

# Recovery after a crash replays up to max_wal_size of changes, on a slow disk for minutes.
RECOVERY_LIMIT_S = 1800.0
DEFAULT_MAX_CONNECTIONS = 40
_STEP_S = 0.01
_TELL_EVERY_S = 5.0
_FAST_STOP_LIMIT_S = 120.0
_IMMEDIATE_STOP_LIMIT_S = 30.0
# A fedserver that holds the folder and has no database yet is just starting or stopping.
_OTHERS_START_LIMIT_S = 20.0


class EmbeddedPostgres:
    """The PostgreSQL of one data folder. Who started it holds the folder until `stop`.

    It listens on a Unix socket only, in a folder closed to others. It runs in a session of its
    own, so that Ctrl-C in a terminal reaches fedserver alone, which then stops it in order.
    """

    def __init__(
        self,
        data_folder: Path,
        *,
        max_connections: int = DEFAULT_MAX_CONNECTIONS,
        recovery_limit_s: float = RECOVERY_LIMIT_S,
    ) -> None:
        """Take the data folder; nothing happens before `start`."""
        self._folders = Folders.of(data_folder)
        self._lock = FolderLock(self._folders.lock_file)
        self._max_connections = max_connections
        self._recovery_limit_s = recovery_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """The process of PostgreSQL, None while it does not run."""
        return self._pid

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> str:
        """Start PostgreSQL, make its cluster at the first start, and give the DSN for asyncpg.

        One that a killed fedserver left running is taken over: nothing has to be recovered.
        Raises DataFolderInUse, DataFolderUnusable, PostgresUnreachable, PostgresFailed.
        """
        make_data_folder(self._folders.data)
        try:
            self._lock.acquire()
            try:
                return await self._run()
            except BaseException:
                await self.stop()
                raise
        except OSError as error:
            raise unusable(self._folders, error) from error

    async def _run(self) -> str:
        if not await self._adopted():
            await asyncio.to_thread(self._launch)
            await self._ready()
        dsn = _dsn(self._folders.socket)
        await _check(dsn)
        return dsn

    async def _adopted(self) -> bool:
        """Take over a PostgreSQL that runs here without a fedserver; False where none stays."""
        left = find_postmaster(self._folders.cluster)
        if left is None:
            return False
        log.info("taking over the PostgreSQL that the last fedserver left running")
        self._pid = left.pid
        if release_commits(self._folders):
            os.kill(left.pid, signal.SIGHUP)
        return await self._ready(may_end=True) and not await self._was_stopping()

    async def _was_stopping(self) -> bool:
        """Whether somebody told it to stop just before; then it has when this returns."""
        if not await _is_stopping(_dsn(self._folders.socket)):
            return False
        until = time.monotonic() + _FAST_STOP_LIMIT_S
        while self._lives():
            if time.monotonic() > until:
                raise PostgresFailed(f"PostgreSQL (process {self._pid}) was told to stop and hangs")
            await asyncio.sleep(_STEP_S)
        self._pid = None
        return True

    def _launch(self) -> None:
        server = program("postgres")
        identity = choose_identity(self._folders.data, self._folders.postgres, server)
        make_postgres_folders(self._folders, identity)
        if not self._folders.cluster.exists():
            log.info("making the database in %s", self._folders.postgres)
        ensure_cluster(self._folders, identity)
        release_commits(self._folders)
        write_settings(self._folders, identity, self._max_connections)
        # Only a leftover of a crash: PostgreSQL would refuse to start if its process number has
        # been given to another process of the same user.
        (self._folders.cluster / "postmaster.pid").unlink(missing_ok=True)
        self._process = self._spawn(server, identity)
        self._pid = self._process.pid

    def _spawn(self, server: Path, identity: Identity) -> subprocess.Popen[bytes]:
        with self._folders.start_log.open("wb") as said:
            return subprocess.Popen(
                [*identity.prefix, str(server), "-D", str(self._folders.cluster)],
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
                **identity.start_options(),
            )

    async def _ready(self, *, may_end: bool = False) -> bool:
        """Wait until it accepts connections. False: it ended, which is fine with `may_end`."""
        began = told = time.monotonic()
        while not self._says_ready():
            if not self._lives():
                self._process = self._pid = None
                if may_end:
                    return False
                raise PostgresFailed(f"PostgreSQL did not start: {self._last_words()}")
            now = time.monotonic()
            if now - began > self._recovery_limit_s:
                raise PostgresFailed(
                    f"PostgreSQL was not ready after {now - began:.0f} s. It may still be "
                    f"recovering; its log is in {self._folders.log}: {self._last_words()}"
                )
            if now - told > _TELL_EVERY_S:
                told = now
                log.info("PostgreSQL is recovering from a crash, %.0f s so far", now - began)
            await asyncio.sleep(_STEP_S)
        return True

    def _says_ready(self) -> bool:
        noted = read_postmaster(self._folders.cluster)
        return noted is not None and noted.pid == self._pid and noted.status == "ready"

    def _lives(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self._pid is not None and works_in(self._pid, self._folders.cluster)

    def _last_words(self) -> str:
        logs = sorted(self._folders.log.glob("*.log"), key=lambda one: one.stat().st_mtime)
        told = [_tail(one) for one in (self._folders.start_log, *logs[-1:]) if one.exists()]
        return " / ".join(text for text in told if text) or "it said nothing"

    async def stop(self) -> None:
        """Stop PostgreSQL (connections are cut, what was committed is kept) and free the folder.

        Does nothing where it does not run.
        """
        if self._pid is not None:
            await self._end()
            self._remove_far_socket_folder()
        self._process = self._pid = None
        self._lock.release()

    async def _end(self) -> None:
        # PostgreSQL's words for the signals: "fast" closes in order, "immediate" leaves the
        # rest to the recovery of the next start (postgres(1)).
        if not await self._ended_by(signal.SIGINT, _FAST_STOP_LIMIT_S):
            log.warning("PostgreSQL takes too long to stop: stopping it at once")
            if not await self._ended_by(signal.SIGQUIT, _IMMEDIATE_STOP_LIMIT_S):
                log.error("PostgreSQL (process %s) does not stop", self._pid)

    async def _ended_by(self, number: signal.Signals, limit_s: float) -> bool:
        until = time.monotonic() + limit_s
        if self._pid is not None and self._lives():
            os.kill(self._pid, number)
        while self._lives():
            if time.monotonic() > until:
                return False
            await asyncio.sleep(_STEP_S)
        return True

    def _remove_far_socket_folder(self) -> None:
        if not self._folders.socket.is_relative_to(self._folders.data):
            shutil.rmtree(self._folders.socket, ignore_errors=True)


def check_free(data_folder: Path) -> None:
    """Raise DataFolderInUse while a fedserver runs on `data_folder`."""
    lock_file = Folders.of(data_folder).lock_file
    if is_held(lock_file):
        raise DataFolderInUse(lock_file.parent, holder(lock_file))


async def connect_existing(data_folder: Path) -> str | None:
    """Give the DSN of the database that a running fedserver has open in `data_folder`.

    Waits for one that is just starting. None: no fedserver runs there (a PostgreSQL that a
    killed one left behind is for `EmbeddedPostgres` to take over).
    """
    folders = Folders.of(data_folder)
    until = time.monotonic() + _OTHERS_START_LIMIT_S
    while is_held(folders.lock_file):
        found = find_postmaster(folders.cluster)
        if found is not None and found.status == "ready":
            return _dsn(found.socket_folder)
        if found is None and time.monotonic() > until:
            return None
        await asyncio.sleep(_STEP_S)
    return None


def _dsn(socket_folder: Path) -> str:
    return f"postgresql://{USER}@/{DATABASE}?host={quote(str(socket_folder), safe='')}&port=5432"


async def _is_stopping(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn, timeout=60)
    except (OSError, asyncpg.CannotConnectNowError):
        return True
    await connection.close()
    return False


async def _check(dsn: str) -> None:
    """Really connect. Raises PostgresFailed."""
    try:
        connection = await asyncpg.connect(dsn, timeout=60)
    except (OSError, asyncpg.PostgresError) as error:
        raise PostgresFailed(f"PostgreSQL runs, but cannot be reached: {error}") from error
    await connection.close()


def _tail(path: Path) -> str:
    return path.read_text("utf-8", "replace").strip()[-600:]

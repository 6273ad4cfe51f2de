"""Commits that wait for the vault: switched on when its stream runs, off at every start.

The setting is in a file of its own, so that a server which was killed in between does not wait, at
its next start, for a stream that has not begun.
"""

import os
import signal
from pathlib import Path

from storage.server.folders import Folders
from storage.server.postmaster import find_postmaster
from storage.server.wal_stream import STANDBY

_FILE = "vault.conf"
_SETTING = f"synchronous_standby_names = '{STANDBY}'\n"


def hold_commits(data_folder: Path) -> None:
    """Let every commit wait from now on until the vault has confirmed it."""
    folders = Folders.of(data_folder)
    file = folders.postgres / _FILE
    file.write_text(_SETTING)
    owner = folders.cluster.stat()
    os.chown(file, owner.st_uid, owner.st_gid)
    running = find_postmaster(folders.cluster)
    if running is not None:
        os.kill(running.pid, signal.SIGHUP)


def release_commits(folders: Folders) -> bool:
    """Let commits wait for nobody, from the next reading of the settings on; False where they did
    not."""
    file = folders.postgres / _FILE
    held = file.exists()
    file.unlink(missing_ok=True)
    return held

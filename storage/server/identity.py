"""As whom PostgreSQL runs. It refuses root; then it is a user without rights."""

import os
import pwd
import shutil
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.server.errors import PostgresUnreachable

_USERS = ("fedserver", "nobody")


@dataclass(frozen=True, slots=True)
class Identity:
    """A user, and how a command is started as that user.

    `prefix` stands before the command; `switch` says that the start itself changes the user.
    """

    uid: int
    gid: int
    name: str
    switch: bool = False
    prefix: tuple[str, ...] = ()

    def start_options(self) -> dict[str, Any]:
        """Give the arguments of subprocess that make the process this user's."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def choose_identity(data_folder: Path, postgres: Path, program: Path) -> Identity:
    """Say as whom PostgreSQL runs: as we do, or in root's place as another user.

    That is the owner of the folder `postgres` or of the data folder, else a user "fedserver",
    else "nobody". Raises PostgresUnreachable.
    """
    if os.geteuid() != 0:
        return Identity(os.geteuid(), os.getegid(), _name(os.geteuid()))
    user = _user_for(data_folder, postgres)
    closed = _closed_folder(user, (*program.parents, *postgres.parents))
    if closed is None:
        return Identity(user.pw_uid, user.pw_gid, user.pw_name, switch=True)
    return _passing_through(user, program, closed)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _user_for(data_folder: Path, postgres: Path) -> pwd.struct_passwd:
    for folder in (postgres, data_folder):
        owner = folder.stat().st_uid if folder.exists() else 0
        if owner != 0:
            return _existing_user(owner, folder)
    for name in _USERS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresUnreachable(
        "PostgreSQL does not run as root, and this machine has no user nobody. Make a user for it "
        "(useradd --system fedserver), or start fedserver as a normal user"
    )


def _existing_user(uid: int, folder: Path) -> pwd.struct_passwd:
    try:
        return pwd.getpwuid(uid)
    except KeyError as error:
        raise PostgresUnreachable(
            f"{folder} belongs to the user number {uid}, which this machine does not have"
        ) from error


def _closed_folder(user: pwd.struct_passwd, folders: Iterable[Path]) -> Path | None:
    """Give the folder that `user` cannot pass through, the one nearest to the root first."""
    for folder in sorted(set(folders), key=lambda one: len(one.parts)):
        if not _may_enter(user, folder.stat()):
            return folder
    return None


def _may_enter(user: pwd.struct_passwd, folder: os.stat_result) -> bool:
    if folder.st_uid == user.pw_uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == user.pw_gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def _passing_through(user: pwd.struct_passwd, program: Path, closed: Path) -> Identity:
    """Let `user` pass closed folders (often /root) by a capability instead of opening them.

    CAP_DAC_READ_SEARCH (capabilities(7)) gives passage and reading, no writing. Where it cannot
    be had, as in most containers, the person has to decide.
    """
    setpriv = shutil.which("setpriv", path="/usr/bin:/bin:/usr/sbin:/sbin")
    if setpriv is not None:
        prefix = (
            setpriv,
            f"--reuid={user.pw_uid}",
            f"--regid={user.pw_gid}",
            "--clear-groups",
            "--inh-caps=+dac_read_search",
            "--ambient-caps=+dac_read_search",
            "--",
        )
        if _runs([*prefix, str(program), "--version"]):
            return Identity(user.pw_uid, user.pw_gid, user.pw_name, prefix=prefix)
    raise PostgresUnreachable(
        f"PostgreSQL does not run as root, and the user {user.pw_name} that it runs as instead may "
        f"not enter {closed}. Let it pass (it still cannot list anything): chmod o+x {closed} - or "
        "start fedserver as a normal user"
    )


def _runs(command: list[str]) -> bool:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=30, cwd="/")
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0

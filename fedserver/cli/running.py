"""`fedserver run`."""

import errno
import os
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from fedserver.cli.shared import run_async, with_config
from fedserver.errors import StartError

if TYPE_CHECKING:
    from fedserver.config import Config


@click.command()
@with_config
def run(config: "Config") -> None:
    """Start the server, and its database where the configuration names no other.

    Ctrl-C stops both.
    """
    from fedserver.log import set_up_logging

    set_up_logging(level=config.log.level, format=config.log.format)
    run_async(_run(config))


async def _run(config: "Config") -> None:
    await check_before_start(config)
    from fedserver.app import serve

    await serve(config)


async def check_before_start(config: "Config") -> None:
    """Look for what would keep the server from starting, before anything is started.

    Raises StartError.
    """
    _check_data_folder(config)
    if config.database.url:
        await _check_database(config.database.url)
    _check_port(config)


def _check_data_folder(config: "Config") -> None:
    from storage.server import DataFolderInUse, DataFolderUnusable, check_free, make_data_folder

    try:
        make_data_folder(config.data.folder)
        if not config.database.url:
            check_free(config.data.folder)
    except DataFolderUnusable as error:
        raise StartError(f"{error} (FEDSERVER_DATA__FOLDER, or folder in [data])") from error
    except DataFolderInUse as error:
        other = "FEDSERVER_DATA__FOLDER=data2, with another FEDSERVER_SERVER__PORT"
        raise StartError(f"{error} ({other})") from error


async def _check_database(url: str) -> None:
    """Connect once. The message holds no password."""
    from storage.database import Database, StorageError

    try:
        database = await Database.connect(url, pool_min=1, pool_max=1)
    except (StorageError, ValueError) as error:
        host = urlsplit(url).hostname or "localhost"
        raise StartError(
            f"The database on {host} cannot be used ({error}). Check that PostgreSQL runs there, "
            'and [database] url; with url = "" fedserver brings its own'
        ) from error
    await database.close()


def _check_port(config: "Config") -> None:
    address, port = config.server.listen, config.server.port
    try:
        _try_to_listen(address, port)
    except OSError as error:
        raise StartError(_cannot_listen(address, port, error)) from error


def _try_to_listen(address: str, port: int) -> None:
    family, kind, protocol, _, where = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as probe:
        # As the server does: a port that has just been closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(where)
        probe.listen()


def _cannot_listen(address: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} is taken{_by_whom(port)}. Stop that program, or choose another port: "
            f"FEDSERVER_SERVER__PORT={port + 1} (or port in [server])"
        )
    if error.errno == errno.EACCES:
        return (
            f"Port {port} needs rights that this user does not have. Choose one from 1024 up "
            "(FEDSERVER_SERVER__PORT=8080), with a reverse proxy before it: docs/admin/install.md"
        )
    return (
        f"Cannot listen on {address}, port {port}: {error.strerror or error}. See [server] listen"
    )


def _by_whom(port: int) -> str:
    """Name the process that listens on `port`, where this user may know it."""
    import psutil

    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return ""
    for one in connections:
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
            return f" by {_name(one.pid)}"
    return ""


def _name(pid: int) -> str:
    import psutil

    try:
        process = psutil.Process(pid)
        words = process.cmdline() or [process.name()]
    except psutil.Error:
        return f"process {pid}"
    programs = [os.path.basename(word) for word in words[:3]]
    name = "fedserver" if "fedserver" in programs else programs[0]
    return f"{name} (process {pid})"

"""Starts the two instances, lets the story happen, and stays until Ctrl-C."""

import asyncio
import logging
import os
import signal
import socket
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from fedserver.app import open_context, running
from fedserver.config import (
    Config,
    DataConfig,
    DevelopmentConfig,
    InstanceConfig,
    ServerConfig,
)
from fedserver.context import Context
from fedserver.demo.people import Person, make_person
from fedserver.demo.story import Cast, play
from fedserver.demo.travel import print_travel

_FIRST_PORT = 8081


async def show() -> None:
    """Run the demo until SIGINT or SIGTERM; everything it made is removed at the end."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    logging.getLogger("fedserver.traffic").setLevel(logging.DEBUG)
    with tempfile.TemporaryDirectory(prefix="fedserver-demo-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL may run as another user below it
        async with AsyncExitStack() as stack:
            await _show_in(Path(folder), stack)
            await stop.wait()
            print("\nstopping …", flush=True)


async def _show_in(folder: Path, stack: AsyncExitStack) -> None:
    print("starting two instances …", flush=True)
    one, other = await _start_both(folder, stack)
    stack.enter_context(print_travel())
    cast = await _make_cast(one, other)
    _print_heading("What travels")
    await play(cast, lambda text: print(f"\n{text}", flush=True))
    _print_logins(cast)


async def _start_both(folder: Path, stack: AsyncExitStack) -> tuple[Context, Context]:
    first, second = _free_ports(2)
    contexts = []
    for name, port, peer in (("one", first, second), ("two", second, first)):
        config = _config(folder / name, name, port, peer)
        ctx = await stack.enter_async_context(open_context(config, beside=False))
        await stack.enter_async_context(running(ctx))
        contexts.append(ctx)
    return contexts[0], contexts[1]


def _config(folder: Path, name: str, port: int, peer: int) -> Config:
    return Config(
        instance=InstanceConfig(domain=f"localhost:{port}", title=f"Demo instance {name}"),
        server=ServerConfig(port=port),
        data=DataConfig(folder=folder),
        development=DevelopmentConfig(
            reachable_addresses=(f"127.0.0.1:{port}", f"127.0.0.1:{peer}"),
            host_map={
                f"localhost:{port}": f"127.0.0.1:{port}",
                f"localhost:{peer}": f"127.0.0.1:{peer}",
            },
            rate_limits=False,
        ),
    )


def _free_ports(count: int) -> list[int]:
    found: list[int] = []
    port = _FIRST_PORT
    while len(found) < count:
        if _is_free(port):
            found.append(port)
        port += 1
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def _make_cast(one: Context, other: Context) -> Cast:
    return Cast(
        ada=await make_person(one, "ada", "Ada", "Writes the first engine programs."),
        ben=await make_person(one, "ben", "Ben", "Flies kites in thunderstorms."),
        cleo=await make_person(other, "cleo", "Cleo", "Lives on the other instance."),
    )


def _print_heading(text: str) -> None:
    print(f"\n{text}\n{'─' * len(text)}", flush=True)


def _print_logins(cast: Cast) -> None:
    _print_heading("Sign in with any Mastodon client, or open the pages")
    for person in (cast.ada, cast.ben, cast.cleo):
        print(_login_line(person))
    print("\nCtrl-C stops both instances and removes what they stored.", flush=True)


def _login_line(person: Person) -> str:
    base = person.ctx.config.base_url
    return f"  {base}/@{person.name:<6} e-mail {person.email:<20} password {person.password}"

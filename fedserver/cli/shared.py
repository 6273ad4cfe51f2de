"""What commands have in common: their configuration, and running async work."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from functools import update_wrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

import click

from fedserver.errors import FedserverError, StartError

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.context import Context
    from storage.accounts import AccountRow

P = ParamSpec("P")
T = TypeVar("T")


def with_config(command: Callable[Concatenate["Config", P], T]) -> Callable[P, T]:
    """Give a command the option --config, and the configuration as its first argument."""

    def configured(*args: P.args, **kwargs: P.kwargs) -> T:
        here = kwargs.pop("config_file", None)
        return command(read_config(here if isinstance(here, Path) else None), *args, **kwargs)

    option = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The configuration file. Without it: ./config.toml, where there is one.",
    )
    return option(update_wrapper(configured, command))


def read_config(file: Path | None) -> "Config":
    """Load the configuration: from `file`, or as the option before the command says."""
    from fedserver.config import load

    return load(file or chosen_file(), os.environ)


def chosen_file() -> Path | None:
    """Give what --config named before the command."""
    context = click.get_current_context().find_root()
    file = context.params.get("config_file")
    return file if isinstance(file, Path) else None


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in an event loop of its own.

    Raises StartError for what the database says no to, and a FedserverError for several of them.
    """
    from storage.database import StorageError

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        try:
            return runner.run(work)
        except StorageError as error:
            raise StartError(str(error)) from error
        except ExceptionGroup as group:
            raise _told(group, StorageError) from group


def run_with(config: "Config", work: Callable[["Context"], Awaitable[T]]) -> T:
    """Open the instance of `config`, beside a running server or without one, and do `work` in it.

    Raises as `run_async`.
    """

    async def opened() -> T:
        from fedserver.app import open_context

        async with open_context(config) as ctx:
            return await work(ctx)

    return run_async(opened())


async def person_named(ctx: "Context", name: str) -> "AccountRow":
    """Give the account of one of our people; a leading @ does not matter. Raises NotFound."""
    from fedserver.errors import NotFound
    from storage.accounts import LOCAL_ACCOUNT_BY_NAME

    row = await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, name.strip().removeprefix("@"))
    if row is None or row.gone:
        raise NotFound(f"There is no user {name}: `fedserver user list` names them")
    return row


def _told(group: ExceptionGroup[Exception], storage_error: type[Exception]) -> Exception:
    """Give a message for people where all that went wrong was foreseen; else the group itself."""
    foreseen, unforeseen = group.split((FedserverError, storage_error))
    if unforeseen is not None or foreseen is None:
        return group
    return StartError("; ".join(str(error) for error in _leaves(foreseen)))


def _leaves(group: ExceptionGroup[Exception]) -> list[Exception]:
    found: list[Exception] = []
    for error in group.exceptions:
        found.extend(_leaves(error) if isinstance(error, ExceptionGroup) else [error])
    return found


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

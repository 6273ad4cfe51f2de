"""`fedserver user alias` and `fedserver user move`: accounts that come from or go elsewhere."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config


@click.group()
def alias() -> None:
    """Say which accounts elsewhere a user is, too: those can then move here."""


@alias.command("add")
@click.argument("name")
@click.argument("account")
@with_config
def add_alias(config: "Config", name: str, account: str) -> None:
    """Let NAME be known as ACCOUNT (a handle or an address), too."""
    click.echo(f"{name} is also known as {run_async(_add_alias(config, name, account))}")


async def _add_alias(config: "Config", name: str, account: str) -> str:
    from fedserver.app import open_context
    from fedserver.effects import moving

    async with open_context(config) as ctx:
        return await moving.add_alias(ctx, name, account)


@alias.command("remove")
@click.argument("name")
@click.argument("account")
@with_config
def remove_alias(config: "Config", name: str, account: str) -> None:
    """Take the alias ACCOUNT (a handle or an address) of NAME away."""
    click.echo(f"{name} is no longer known as {run_async(_remove_alias(config, name, account))}")


async def _remove_alias(config: "Config", name: str, account: str) -> str:
    from fedserver.app import open_context
    from fedserver.effects import moving

    async with open_context(config) as ctx:
        return await moving.remove_alias(ctx, name, account)


@alias.command("list")
@click.argument("name")
@with_config
def list_aliases(config: "Config", name: str) -> None:
    """List the accounts that NAME is known as, too."""
    for uri in run_async(_aliases(config, name)):
        click.echo(uri)


async def _aliases(config: "Config", name: str) -> list[str]:
    from fedserver.app import open_context
    from fedserver.effects import moving

    async with open_context(config) as ctx:
        return await moving.aliases(ctx, name)


@click.command()
@click.argument("name")
@click.option("--to", "target", help="The new account, a handle or an address; it names the old.")
@click.option("--cancel", is_flag=True, help="End the redirection; followers stay where they are.")
@with_config
def move(config: "Config", name: str, target: str | None, cancel: bool) -> None:
    """Move NAME to an account elsewhere, with its followers. Posts stay here.

    The new account has to name the old one as its alias (also known as) before.
    """
    if (target is None) is not cancel:
        raise click.UsageError("give either --to ACCOUNT or --cancel")
    if target is None:
        run_async(_stay(config, name))
        click.echo(f"{name} is here again")
    else:
        uri = run_async(_move(config, name, target))
        click.echo(f"{name} has moved to {uri}; the followers are being told")


async def _move(config: "Config", name: str, target: str) -> str:
    from fedserver.app import open_context
    from fedserver.effects import moving

    async with open_context(config) as ctx:
        return (await moving.move_out(ctx, name, target)).uri


async def _stay(config: "Config", name: str) -> None:
    from fedserver.app import open_context
    from fedserver.effects import moving

    async with open_context(config) as ctx:
        await moving.stay(ctx, name)

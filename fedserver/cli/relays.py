"""`fedserver relay …`: servers that pass public posts on. Works beside a running server."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from storage.relays import RelayRow

_COLUMNS = "{:<10} {:<9} {}"


@click.group()
def relay() -> None:
    """Subscribe to relays: they bring public posts of many servers, and take ours to them."""


@relay.command()
@click.argument("url")
@with_config
def add(config: "Config", url: str) -> None:
    """Subscribe to the relay at URL: its inbox (…/inbox), or the actor of a LitePub relay."""
    found = run_async(_add(config, url))
    click.echo(f"asked {found.inbox_url} ({found.style}); `fedserver relay list` shows the answer")


async def _add(config: "Config", url: str) -> "RelayRow":
    from fedserver.app import open_context
    from fedserver.effects.relay import subscribe

    async with open_context(config) as ctx:
        return await subscribe(ctx, url)


@relay.command()
@click.argument("url")
@with_config
def remove(config: "Config", url: str) -> None:
    """Leave the relay at URL (its inbox or actor)."""
    click.echo(f"left {run_async(_remove(config, url)).inbox_url}")


async def _remove(config: "Config", url: str) -> "RelayRow":
    from fedserver.app import open_context
    from fedserver.effects.relay import unsubscribe

    async with open_context(config) as ctx:
        return await unsubscribe(ctx, url)


@relay.command("list")
@with_config
def list_(config: "Config") -> None:
    """List the relays and what they answered."""
    click.echo(_COLUMNS.format("state", "style", "address"))
    for row in run_async(_list(config)):
        click.echo(_COLUMNS.format(row.state, row.style, row.inbox_url))


async def _list(config: "Config") -> "list[RelayRow]":
    from fedserver.app import open_context
    from fedserver.effects.relay import relays

    async with open_context(config) as ctx:
        return await relays(ctx)

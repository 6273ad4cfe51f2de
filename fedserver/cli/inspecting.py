"""`fedserver routes`, `config check` and `doctor`: looking, without changing anything."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import with_config

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedserver.config import Config
    from fedserver.routing.endpoints import Endpoint


@click.command()
@click.option(
    "--coverage",
    "list_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Compare with a list of API endpoints (a table with method, path, status, tier).",
)
def routes(list_file: Path | None) -> None:
    """Print every endpoint: method, path, scopes, handler."""
    from fedserver.app import all_endpoints

    endpoints = all_endpoints()
    if list_file is not None:
        _print_coverage(list_file, endpoints)
        return
    for one in endpoints:
        scopes = " or ".join(one.scopes) or "-"
        click.echo(f"{one.method:<7} {one.path:<56} {scopes:<28} {one.name}")


def _print_coverage(list_file: Path, endpoints: "Iterable[Endpoint]") -> None:
    from fedserver.cli.coverage import coverage
    from fedserver.streaming import STREAMS

    served = {(one.method, one.path): one.always_empty for one in endpoints}
    served |= {("WS", f"/api/v1/streaming?stream={name}"): False for name in STREAMS}
    tiers = coverage(list_file, served, [route for route, empty in served.items() if empty])
    for tier in tiers:
        click.echo(str(tier))
    for tier in tiers:
        for name in tier.missing:
            click.echo(f"missing in tier {tier.tier}: {name}")
        for name in tier.empty:
            click.echo(f"always empty, not counted, in tier {tier.tier}: {name}")


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@with_config
def check(config: "Config") -> None:
    """Check the configuration, and print what matters most of it."""
    database = "an external PostgreSQL" if config.database.url else "its own PostgreSQL"
    click.echo("The configuration is right.")
    click.echo(f"  address   {config.base_url}")
    click.echo(f"  listens   {config.server.listen}, port {config.server.port}")
    click.echo(f"  data      {config.data.folder}")
    click.echo(f"  database  {database}")
    for name in config.development.used():
        click.echo(f"  [development] {name} is set")


@config.command()
def example() -> None:
    """Print a configuration file with every setting, its default and its reason."""
    from fedserver.config.example import example

    click.echo(example(), nl=False)


@click.command()
@with_config
def doctor(config: "Config") -> None:
    """Look for what is wrong, and say what to do. Exit code 1: something is."""
    from fedserver.cli.doctor import examine

    sys.exit(examine(config))

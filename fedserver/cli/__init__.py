"""The command `fedserver`. Commands import what they need when they run: `--help` is at once."""

import sys
from pathlib import Path

import click

from fedserver import __version__
from fedserver.cli.announcements import announcement
from fedserver.cli.archives import archive
from fedserver.cli.domains import domain
from fedserver.cli.evacuating import evacuate, successor
from fedserver.cli.inspecting import config, doctor, routes
from fedserver.cli.kits import kit
from fedserver.cli.making import init
from fedserver.cli.mirrors import mirror
from fedserver.cli.moves import alias, move
from fedserver.cli.peers import peers
from fedserver.cli.recovery_key import recovery_key
from fedserver.cli.relays import relay
from fedserver.cli.reports import report
from fedserver.cli.running import run
from fedserver.cli.showing import demo
from fedserver.cli.sign_ups import approve, invite, pending, reject
from fedserver.cli.static_export import export_static
from fedserver.cli.trends import trends
from fedserver.cli.users import user
from fedserver.cli.vault import vault
from fedserver.errors import ConfigError, FedserverError, StartError

EXIT_REFUSED = 1
EXIT_NOT_STARTED = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="fedserver")
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file. Without it: ./config.toml, where there is one.",
)
def cli(config_file: Path | None) -> None:
    """A federated social server: ActivityPub, and the Mastodon client API.

    `fedserver run` starts it. Each setting can also be given as FEDSERVER_SECTION__KEY in the
    environment.
    """


for command in (
    run,
    demo,
    init,
    user,
    report,
    domain,
    peers,
    relay,
    routes,
    trends,
    config,
    doctor,
    recovery_key,
    evacuate,
    successor,
):
    cli.add_command(command)
cli.add_command(announcement)
cli.add_command(vault)
cli.add_command(mirror)
cli.add_command(kit)
cli.add_command(archive)
cli.add_command(export_static)
for command in (alias, move, pending, approve, reject, invite):
    user.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line (`arguments`: those of the process) and exit.

    What fedserver says no to is one message on standard error: exit code 2 where the
    configuration or the start is wrong, else 1.
    """
    try:
        cli(arguments, prog_name="fedserver")
    except FedserverError as error:
        click.echo(f"fedserver: {error}", err=True)
        sys.exit(EXIT_NOT_STARTED if isinstance(error, ConfigError | StartError) else EXIT_REFUSED)

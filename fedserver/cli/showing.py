"""`fedserver demo`."""

import click

from fedserver.cli.shared import run_async


@click.command()
def demo() -> None:
    """Start two instances on loopback whose people talk, and watch what travels.

    Prints addresses and logins to join in with any Mastodon client. Ctrl-C stops both and removes
    what they stored.
    """
    from fedserver.demo import show
    from fedserver.log import set_up_logging

    set_up_logging(level="warning")
    run_async(show())

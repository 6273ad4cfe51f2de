"""`fedserver user pending|approve|reject|invite`: who wants to come in."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from storage.sign_ups import SignUpRow

_COLUMNS = "{:<24} {:<32} {:<11} {:<22} {}"


@click.command()
@with_config
def pending(config: "Config") -> None:
    """List who signed up and has no account yet, with what is missing."""
    from fedserver.services.sign_ups import list_sign_ups

    click.echo(_COLUMNS.format("name", "e-mail", "since", "waits for", "reason"))
    for row in run_with(config, list_sign_ups):
        click.echo(_line(row))


def _line(row: "SignUpRow") -> str:
    waits = [] if row.confirmed_at else ["confirmation"]
    waits += ["approval"] if row.needs_approval and row.approved_at is None else []
    reason = " ".join(row.reason.split())
    return _COLUMNS.format(
        row.username, row.email, f"{row.created_at:%Y-%m-%d}", ", ".join(waits), reason
    )


@click.command()
@click.argument("name")
@with_config
def approve(config: "Config", name: str) -> None:
    """Let NAME in; a mail says so once the address is confirmed too."""
    from fedserver.services import sign_ups

    done = run_with(config, lambda ctx: sign_ups.approve(ctx, name)).account_id is not None
    click.echo(f"@{name}@{config.instance.domain} {'is made' if done else 'is approved'}")


@click.command()
@click.argument("name")
@with_config
def reject(config: "Config", name: str) -> None:
    """Do not let NAME in; what was sent with the application is deleted."""
    from fedserver.services import sign_ups

    run_with(config, lambda ctx: sign_ups.reject(ctx, name))
    click.echo(f"The application of {name} is deleted")


@click.command()
@click.option(
    "--days", type=click.IntRange(1, 365), default=7, show_default=True, help="Valid that long."
)
@with_config
def invite(config: "Config", days: int) -> None:
    """Print a link with which one person makes an account, also where nobody else may."""
    from fedserver.services import users

    token = run_with(
        config, lambda ctx: users.invite(ctx, "user", ctx.clock.now() + timedelta(days=days))
    )
    click.echo(f"{config.base_url}/invite/{token}")

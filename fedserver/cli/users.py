"""`fedserver user …`: the people of the instance. Works beside a running server, and without."""

import sys
from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from storage.users import UserRow

ROLES = click.Choice(["owner", "admin", "moderator", "user"])
_COLUMNS = "{:<24} {:<32} {:<10} {:<11} {:<11} {}"


@click.group()
def user() -> None:
    """Make users, list them, reset passwords, give roles."""


@user.command()
@click.argument("name")
@click.option("--email", required=True, help="The user's e-mail address; it counts as confirmed.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--role", type=ROLES, default="user", show_default=True)
@with_config
def create(config: "Config", name: str, email: str, password_stdin: bool, role: str) -> None:
    """Make the user NAME with a confirmed account."""
    password = _password(from_stdin=password_stdin)
    run_async(_create(config, name, email, password, role))
    click.echo(f"@{name}@{config.instance.domain} is made, role {role}. Sign in with {email}")


async def _create(config: "Config", name: str, email: str, password: str, role: str) -> None:
    from fedserver.app import open_context
    from fedserver.services.users import create_user

    async with open_context(config) as ctx:
        await create_user(ctx, name, email, password, role, confirmed=True)


@user.command("reset-password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the new password from standard input.")
@click.option("--codes-off", is_flag=True, help="Turn one-time codes off, too: a lost phone.")
@with_config
def reset_password(config: "Config", name: str, password_stdin: bool, codes_off: bool) -> None:
    """Give NAME a new password (a random one, which is printed) and sign NAME out everywhere."""
    chosen = _password(from_stdin=True) if password_stdin else None
    password = run_async(_reset_password(config, name, chosen, codes_off))
    click.echo("The password is changed" if chosen else f"The new password: {password}")


async def _reset_password(
    config: "Config", name: str, password: str | None, codes_off: bool
) -> str:
    from fedserver.app import open_context
    from fedserver.services.users import reset_password

    async with open_context(config) as ctx:
        return await reset_password(ctx, name, password, codes_off=codes_off)


@user.command("list")
@with_config
def list_(config: "Config") -> None:
    """List the users of this instance."""
    click.echo(_COLUMNS.format("name", "e-mail", "role", "made", "active", "state"))
    for row in run_async(_list(config)):
        click.echo(_line(row))


def _line(row: "UserRow") -> str:
    return _COLUMNS.format(
        row.username,
        row.email,
        row.role,
        f"{row.created_at:%Y-%m-%d}",
        f"{row.last_active_at:%Y-%m-%d}",
        _state(row),
    )


def _state(row: "UserRow") -> str:
    if row.suspended_at is not None:
        return "suspended"
    if row.disabled_at is not None:
        return "disabled"
    if row.confirmed_at is None:
        return "e-mail not confirmed"
    return "waits for approval" if row.approved_at is None else "active"


async def _list(config: "Config") -> "list[UserRow]":
    from fedserver.app import open_context
    from fedserver.services.users import list_users

    async with open_context(config) as ctx:
        return await list_users(ctx)


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, required=True)
@with_config
def promote(config: "Config", name: str, role: str) -> None:
    """Give NAME a role."""
    run_async(_promote(config, name, role))
    click.echo(f"{name} is now {role}")


async def _promote(config: "Config", name: str, role: str) -> None:
    from fedserver.app import open_context
    from fedserver.services.users import promote

    async with open_context(config) as ctx:
        await promote(ctx, name, role)


def _password(*, from_stdin: bool) -> str:
    """Read a password: never from the arguments, where every process could see it."""
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("standard input holds no password")
        return password
    if not sys.stdin.isatty():
        raise click.UsageError("give the password by --password-stdin")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed

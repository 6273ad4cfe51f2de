"""`fedserver domain …`: with whom we federate. Works beside a running server, which follows at
once."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.services.domains import Severity
    from storage.domains import DomainRuleRow

_COLUMNS = "{:<40} {:<7} {:<11} {}"
_TOLD = {
    "block": "{} is blocked: nothing goes there or comes from there, and its accounts are hidden",
    "limit": "{} is limited: its accounts are shown to their followers only",
    "allow": "{} is allowed",
}


@click.group()
def domain() -> None:
    """Block, limit or allow other servers.

    A rule holds for the domain and everything below it; the rule of the longest domain decides.
    """


def _setting(severity: "Severity", help_text: str) -> None:
    """Add the command that sets `severity`."""

    @click.argument("domain_name", metavar="DOMAIN")
    @click.option("--reason", default="", help="Why; it may be shown to everybody.")
    @click.option("--private-comment", default="", help="Why; for the admins of this server.")
    @with_config
    def set_rule(config: "Config", domain_name: str, reason: str, private_comment: str) -> None:
        name = run_async(_put(config, domain_name, severity, reason, private_comment))
        click.echo(_TOLD[severity].format(name))

    domain.command(severity, help=help_text)(set_rule)


_setting(
    "block",
    "Deal with DOMAIN no more: refuse its requests, send and fetch nothing, hide its accounts, "
    "end follows both ways. Nothing but the follows is deleted.",
)
_setting("limit", "Show the accounts of DOMAIN to their followers only.")
_setting(
    "allow",
    "End the block or limit of DOMAIN; where federation is by allow-list, federate with it.",
)


@domain.command()
@click.argument("domain_name", metavar="DOMAIN")
@with_config
def remove(config: "Config", domain_name: str) -> None:
    """Forget the rule for DOMAIN, whichever it is."""
    name = run_async(_remove(config, domain_name))
    click.echo(f"There is no rule for {name} any more")


@domain.command("list")
@with_config
def list_(config: "Config") -> None:
    """List the rules."""
    click.echo(_COLUMNS.format("domain", "rule", "since", "reason"))
    for row in run_async(_list(config)):
        click.echo(_line(row))


def _line(row: "DomainRuleRow") -> str:
    private = f" (private: {row.private_comment})" if row.private_comment else ""
    since = f"{row.created_at:%Y-%m-%d}"
    return _COLUMNS.format(row.domain, row.severity, since, row.reason + private).rstrip()


async def _put(
    config: "Config", name: str, severity: "Severity", reason: str, private_comment: str
) -> str:
    from fedserver.app import open_context
    from fedserver.services.domains import put_rule

    async with open_context(config) as ctx:
        return await put_rule(ctx, name, severity, reason=reason, private_comment=private_comment)


async def _remove(config: "Config", name: str) -> str:
    from fedserver.app import open_context
    from fedserver.services.domains import remove_rule

    async with open_context(config) as ctx:
        return await remove_rule(ctx, name)


async def _list(config: "Config") -> "list[DomainRuleRow]":
    from fedserver.app import open_context
    from fedserver.services.domains import list_rules

    async with open_context(config) as ctx:
        return await list_rules(ctx)

"""`fedserver report …`: what people and peers reported. Works beside a running server,
and without."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_with, with_config
from fedserver.errors import NotFound

if TYPE_CHECKING:
    from fedserver.config import Config

_LISTED = 100


@click.group()
def report() -> None:
    """Read reports, and close them."""


@report.command("list")
@with_config
def list_(config: "Config") -> None:
    """Print the reports that are still open, the newest first."""
    from storage.reports import OPEN_REPORTS

    rows = run_with(config, lambda ctx: ctx.db.fetch(OPEN_REPORTS, _LISTED))
    for row in rows:
        click.echo(f"{row.id}  {row.created_at:%Y-%m-%d %H:%M}  {row.category}")
        click.echo(f"  {row.target}, reported by {row.reporter}")
        for uri in row.status_uris:
            click.echo(f"  {uri}")
        if row.comment:
            click.echo(f"  {_printable(row.comment)}")
    if not rows:
        click.echo("No report is open")


def _printable(text: str) -> str:
    """One line, without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)


@report.command()
@click.argument("report_id", type=click.IntRange(min=0, max=2**63 - 1))
@with_config
def close(config: "Config", report_id: int) -> None:
    """Mark the report REPORT_ID as dealt with."""
    from storage.reports import CLOSE_REPORT

    if not run_with(config, lambda ctx: ctx.db.execute(CLOSE_REPORT, report_id, ctx.clock.now())):
        raise NotFound(f"no open report has the number {report_id}")
    click.echo(f"Report {report_id} is closed")

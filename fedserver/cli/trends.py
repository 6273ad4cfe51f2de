"""`fedserver trends`: what is talked about, and what may be shown of it."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from storage.trends import ReviewRow

_KIND = click.Choice(["tag", "status", "link", "account"])
_COLUMNS = "{:<8} {:<22} {:<10} {:<10} {}"
_WORDS = {None: "-", True: "allowed", False: "forbidden"}


@click.group()
def trends() -> None:
    """List what is talked about, and say what may be shown as a trend."""


@trends.command("list")
@click.option("--kind", type=click.Choice(["tag", "status", "link"]), help="Only these.")
@with_config
def list_(config: "Config", kind: str | None) -> None:
    """List what trends, the most talked about first."""
    from fedserver.services.trends import list_trends

    click.echo(_COLUMNS.format("kind", "id", "score", "said", "what"))
    for row in run_with(config, lambda ctx: list_trends(ctx, kind)):
        click.echo(_line(row))


def _line(row: "ReviewRow") -> str:
    what = f"{row.text} by {row.by}" if row.by else row.text
    return _COLUMNS.format(row.kind, row.id, f"{row.score:.1f}", _WORDS[row.allowed], what)


@trends.command()
@click.argument("kind", type=_KIND)
@click.argument("name")
@with_config
def allow(config: "Config", kind: str, name: str) -> None:
    """Let a hashtag (by name), a post (by id), a page (by address) or all posts of an account
    (by handle) trend."""
    from fedserver.services.trends import review

    run_with(config, lambda ctx: review(ctx, kind, name, allowed=True))
    click.echo(f"{kind} {name} may trend")


@trends.command()
@click.argument("kind", type=_KIND)
@click.argument("name")
@with_config
def forbid(config: "Config", kind: str, name: str) -> None:
    """Let a hashtag, a post, a page or an account's posts never trend."""
    from fedserver.services.trends import review

    run_with(config, lambda ctx: review(ctx, kind, name, allowed=False))
    click.echo(f"{kind} {name} does not trend")

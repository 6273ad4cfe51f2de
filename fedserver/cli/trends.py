"""`fedserver trends`: what is talked about, and what may be shown of it."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_async, with_config

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
    click.echo(_COLUMNS.format("kind", "id", "score", "said", "what"))
    for row in run_async(_list(config, kind)):
        click.echo(_line(row))


def _line(row: "ReviewRow") -> str:
    what = f"{row.text} by {row.by}" if row.by else row.text
    return _COLUMNS.format(row.kind, row.id, f"{row.score:.1f}", _WORDS[row.allowed], what)


async def _list(config: "Config", kind: str | None) -> "list[ReviewRow]":
    from fedserver.app import open_context
    from fedserver.services.trends import list_trends

    async with open_context(config) as ctx:
        return await list_trends(ctx, kind)


@trends.command()
@click.argument("kind", type=_KIND)
@click.argument("name")
@with_config
def allow(config: "Config", kind: str, name: str) -> None:
    """Let a hashtag (by name), a post (by id), a page (by address) or all posts of an account
    (by handle) trend."""
    run_async(_review(config, kind, name, allowed=True))
    click.echo(f"{kind} {name} may trend")


@trends.command()
@click.argument("kind", type=_KIND)
@click.argument("name")
@with_config
def forbid(config: "Config", kind: str, name: str) -> None:
    """Let a hashtag, a post, a page or an account's posts never trend."""
    run_async(_review(config, kind, name, allowed=False))
    click.echo(f"{kind} {name} does not trend")


async def _review(config: "Config", kind: str, name: str, *, allowed: bool) -> None:
    from fedserver.app import open_context
    from fedserver.services.trends import review

    async with open_context(config) as ctx:
        await review(ctx, kind, name, allowed=allowed)

"""`fedserver announcement …`: what the admin tells everybody. Works beside a running server, and
without."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from storage.announcements import ListedAnnouncementRow

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"])
_NUMBER = click.IntRange(min=0, max=2**63 - 1)


@click.group()
def announcement() -> None:
    """Tell everybody here something, and take it back."""


@announcement.command()
@click.argument("text")
@click.option("--markdown", is_flag=True, help="TEXT is Markdown, not plain text.")
@click.option("--starts-at", type=_TIME, help="When what it is about begins (UTC).")
@click.option("--ends-at", type=_TIME, help="When it ends (UTC); it is not shown afterwards.")
@click.option("--all-day", is_flag=True, help="Only the dates of the two count.")
@click.option("--draft", is_flag=True, help="Do not show it yet.")
@with_config
def add(
    config: "Config",
    text: str,
    markdown: bool,
    starts_at: datetime | None,
    ends_at: datetime | None,
    all_day: bool,
    draft: bool,
) -> None:
    """Announce TEXT (with - what standard input holds) to everybody here.

    In plain text mentions, hashtags and links become links, as in a post.
    """
    from fedserver.services.announcements import NewAnnouncement, announce

    new = NewAnnouncement(
        text=sys.stdin.read() if text == "-" else text,
        markdown=markdown,
        starts_at=_utc(starts_at),
        ends_at=_utc(ends_at),
        all_day=all_day,
        draft=draft,
    )
    number = run_with(config, lambda ctx: announce(ctx, new))
    click.echo(f"{'Draft' if draft else 'Announcement'} {number} is made")


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


@announcement.command("list")
@with_config
def list_(config: "Config") -> None:
    """Print announcements and drafts, the newest first."""
    from fedserver.services.announcements import list_announcements

    rows = run_with(config, list_announcements)
    for row in rows:
        click.echo(f"{row.id}  {_state(row)}  read by {row.readers}, {row.reactions} reactions")
        click.echo(f"  {_printable(row.text)}")
    if not rows:
        click.echo("There are no announcements")


def _state(row: "ListedAnnouncementRow") -> str:
    if row.published_at is None:
        return "draft"
    times = [f"{moment:%Y-%m-%d %H:%M}" for moment in (row.starts_at, row.ends_at) if moment]
    return " - ".join(times) or f"{row.published_at:%Y-%m-%d %H:%M}"


def _printable(text: str) -> str:
    """One line, without what a terminal would obey."""
    return "".join(char if char.isprintable() else " " for char in text)[:200]


@announcement.command()
@click.argument("number", type=_NUMBER)
@with_config
def publish(config: "Config", number: int) -> None:
    """Show the draft NUMBER to everybody."""
    from fedserver.services import announcements

    run_with(config, lambda ctx: announcements.publish(ctx, number))
    click.echo(f"Announcement {number} is shown")


@announcement.command()
@click.argument("number", type=_NUMBER)
@with_config
def remove(config: "Config", number: int) -> None:
    """Delete the announcement NUMBER."""
    from fedserver.services.announcements import withdraw

    run_with(config, lambda ctx: withdraw(ctx, number))
    click.echo(f"Announcement {number} is gone")

"""`fedserver archive …`: a person's archive as a file, and archives of other servers."""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import click

from fedserver.cli.shared import person_named, run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.context import Context
    from fedserver.survival.archives.importing import Brought

_NEW_FILE = click.Path(path_type=Path, dir_okay=False, writable=True)
_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group()
def archive() -> None:
    """Write a person's archive, or bring one of another server in.

    Archives of fedserver, Mastodon, GoToSocial, Hollo, Pixelfed and Misskey are known.
    """


@archive.command()
@click.argument("name")
@click.argument("file", type=_NEW_FILE)
@with_config
def write(config: "Config", name: str, file: Path) -> None:
    """Write all that NAME wrote and uploaded into FILE (a tar after FEP-6fcd)."""

    async def work(ctx: "Context") -> int:
        from fedserver.survival.archives.packing import pack_archive

        person = await person_named(ctx, name)
        with file.open("wb") as out:
            return await pack_archive(ctx, person, out)

    posts = run_with(config, work)
    click.echo(f"{posts} posts, {file.stat().st_size} bytes are in {file}")


@archive.command("import")
@click.argument("file", type=_FILE)
@click.option("--as", "name", required=True, help="The user here who gets it all.")
@click.option("--former", default="", help="The old account (name@host), where FILE does not say.")
@with_config
def import_(config: "Config", file: Path, name: str, former: str) -> None:
    """Bring the archive FILE into NAME's account: lists, and posts with their dates.

    Nothing of it is sent to anybody. It may be interrupted: the same command goes on where it was.
    """
    brought = run_with(config, lambda ctx: _import(ctx, file, name, former))
    click.echo()
    if brought.lists:
        click.echo(f"lists that are brought in line by line now: {', '.join(brought.lists)}")
    for reason, count in brought.reasons.most_common():
        click.echo(f"{count} left out: {reason}")


async def _import(ctx: "Context", file: Path, name: str, former: str) -> "Brought":
    from fedserver.survival.archives.importing import Brought, bring_archive

    person = await person_named(ctx, name)
    at = Brought()
    with file.open("rb") as opened:
        async for at in bring_archive(ctx, person.id, cast("BinaryIO", opened), former):
            failed = f", {at.failed} left out" if at.failed else ""
            click.echo(f"\rposts: {at.done} of {at.total}{failed}", nl=False)
    return at

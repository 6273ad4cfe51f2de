"""`fedserver export-static`: everything public as files. Works beside a running server."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fedserver.cli.shared import run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.context import Context
    from fedserver.survival.static_export import Done, Pages


@click.command("export-static")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@with_config
def export_static(config: "Config", folder: Path) -> None:
    """Write all public pages, posts, people, feeds and media into FOLDER.

    Any web host can serve it under the old domain when this server is gone: pages stay readable,
    and other servers still find people, their keys and their posts (FOLDER/hosting/README.txt says
    what the host needs to know). Run it again at any time, from cron for instance: what did not
    change is left alone, and an interrupted run goes on where it was.
    """
    done = run_with(config, lambda ctx: _export(ctx, folder))
    click.echo(
        f"{done.people} people, {done.posts} posts; {done.written} files and {done.media} media"
        f" written to {folder}"
    )


async def _export(ctx: "Context", folder: Path) -> "Done":
    from fedserver.survival.static_export import export

    return await export(ctx, pages_of(ctx), folder, _Progress().tell)


class _Progress:
    """A line that says how far it is, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def tell(self, done: int, total: int, what: str) -> None:
        if self._shown:
            click.echo(f"\r\033[K{done} of {total}  {what}", nl=False, err=True)


def pages_of(ctx: "Context") -> "Pages":
    """Give what makes the pages: the same functions that answer browsers."""
    from fedserver.federation import nodeinfo
    from fedserver.routing import PageParams
    from fedserver.survival.static_export import Pages
    from fedserver.web import front, posts, profiles
    from fedserver.web.static import static_files

    async def show_front() -> bytes:
        return _body((await front.show_front(ctx)).body)

    async def show_profile(username: str, max_id: int | None) -> bytes:
        params = PageParams(max_id=max_id)
        return _body((await profiles.show_profile(ctx, username, params)).body)

    async def show_post(username: str, status_id: int) -> bytes:
        return _body((await posts.show_post(ctx, username, status_id)).body)

    async def say_nodeinfo() -> dict[str, Any]:
        older, newer = await nodeinfo.version_2_0(ctx), await nodeinfo.version_2_1(ctx)
        return {"2.0": older.body, "2.1": newer.body}

    assets = {path: file.body for path, file in static_files().items()}
    return Pages(show_front, show_profile, show_post, say_nodeinfo, assets)


def _body(body: object) -> bytes:
    if not isinstance(body, bytes):
        raise TypeError("a page is whole in memory")
    return body

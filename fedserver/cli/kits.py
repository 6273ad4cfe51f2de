"""`fedserver kit …`: what brings a person back when their server is lost or turns against them."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fedserver.cli.recovery_key import ask_for_key
from fedserver.cli.shared import person_named, run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.context import Context
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.survival.kits.bringing import Step

_KEEP = (
    "These words are {name}'s own. Whoever has them can open the kit and take the account"
    " elsewhere; without them the kit is of no use to anybody. They are shown only now:"
)
_NEW_FILE = click.Path(path_type=Path, dir_okay=False, writable=True)
_KIT_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_RANDOM_PASSWORD_BYTES = 15


@click.group()
def kit() -> None:
    """Give people a key and a kit with which they can leave without this server.

    The kit holds identity, posts, lists and where the followers are, sealed to the person's
    recovery key of 24 words. It is made anew every week. With kit and words the person goes on at
    any other fedserver instance: `fedserver kit import`, or the page /auth/kit there.
    """


@kit.command()
@click.argument("name")
@click.option("--replace", is_flag=True, help="Replace the key; asks for the words of the old one.")
@click.option("--former-is-lost", is_flag=True, help="Replace it in 72 hours, without old words.")
@with_config
def key(config: "Config", name: str, replace: bool, former_is_lost: bool) -> None:
    """Make a recovery key for NAME and print its words, once.

    People better make it themselves, on the page /auth/recovery: then the words never come near
    the server. A replacement that the old words did not sign waits for 72 hours, in which NAME can
    call it off.
    """
    from fedserver.errors import Refused
    from fedserver.recovery.keys import RecoveryKey

    former = ask_for_key("words of the old recovery key") if replace else None
    made = RecoveryKey.new()

    async def work(ctx: "Context") -> bool:
        from fedserver.effects.recovery_key import Offered, offer, recovery_of
        from fedserver.recovery.identity import claim_identity, rotate

        account_id, uri = await _person(ctx, name)
        if (await recovery_of(ctx, account_id)).key and not (former or former_is_lost):
            raise Refused(
                f"{name} has a recovery key. Replace it with --replace, or, if its words are lost,"
                " with --former-is-lost"
            )
        now = ctx.clock.now()
        rotation = rotate(former, made.public.did, uri, now) if former else None
        offered = Offered(made.public, claim_identity(made, uri, now))
        return await offer(ctx, account_id, offered, rotation=rotation)

    at_once = run_with(config, work)
    click.echo(f"{_KEEP.format(name=name)}\n\n  {made.words}\n\npublic half: {made.public.did}")
    if not at_once:
        click.echo("The old key counts for 72 hours more; then this one takes its place.")


@kit.command()
@click.argument("name")
@click.option("--media", is_flag=True, help="Take the files of the posts along, too.")
@click.option("--to", "target", type=_NEW_FILE, help="Write the sealed kit here, too.")
@with_config
def make(config: "Config", name: str, media: bool, target: Path | None) -> None:
    """Make NAME's kit now: for download, on the mirrors, and with --to as a file."""

    async def work(ctx: "Context") -> str:
        from fedserver.errors import FedserverError
        from fedserver.services.kits import kit_of, open_kit_file
        from fedserver.survival.kits.making import make_now

        account_id, _ = await _person(ctx, name)
        await make_now(ctx, account_id, with_media=media)
        made = await kit_of(ctx, account_id)
        if made is None:
            raise FedserverError(f"{name} has no recovery key: fedserver kit key {name}")
        if target is not None:
            file, _ = await open_kit_file(ctx, account_id)
            with file, target.open("wb") as out:
                while piece := file.read(1024 * 1024):
                    out.write(piece)
        told = f"{made.posts} posts, {made.bytes} bytes, sealed to {made.did}"
        return told if made.failure is None else f"{told}\nbut: {made.failure}"

    click.echo(run_with(config, work))


@kit.command()
@click.argument("host")
@click.option("--to", "target", type=_NEW_FILE, required=True, help="Where the kit is written.")
@with_config
def fetch(config: "Config", host: str, target: Path) -> None:
    """Get the newest kit that the mirror HOST keeps; asks for the words that it is sealed to."""
    asked = ask_for_key("words of the recovery key")

    async def work(ctx: "Context") -> tuple[str, bytes]:
        from fedserver.survival.kits.fetching import newest_kit

        return await newest_kit(ctx, host, asked)

    name, content = run_with(config, work)
    target.write_bytes(content)
    click.echo(f"{name} is now in {target}")


@kit.command("import")
@click.argument("file", type=_KIT_FILE)
@click.option("--as", "name", required=True, help="The user here; made if there is none.")
@click.option("--email", help="The address of a user who is to be made.")
@with_config
def import_(config: "Config", file: Path, name: str, email: str | None) -> None:
    """Bring the sealed kit FILE into an account here; asks for its 24 words.

    Identity and followers come first, then lists, then posts and media. It may be interrupted:
    the same command goes on where it was. The words are only in memory.
    """
    asked = ask_for_key("words of the recovery key")
    run_with(config, lambda ctx: _import(ctx, file, name, email, asked))


async def _import(
    ctx: "Context", file: Path, name: str, email: str | None, asked: "RecoveryKey"
) -> None:
    from fedserver.survival.kits.bringing import bring_kit

    account_id = await _person_or_new(ctx, name, email)
    with file.open("rb") as sealed:
        await _show(bring_kit(ctx, account_id, sealed, asked))


async def _show(steps: "AsyncIterator[Step]") -> None:
    """Print a line for each kind of step, with the numbers as they grow."""
    before = ""
    async for step in steps:
        if before and step.what != before:
            click.echo()
        numbers = f" {step.done} of {step.total}" if step.total else ""
        failed = f", {step.failed} not" if step.failed else ""
        click.echo(f"\r{step.what}{numbers}{failed}", nl=False)
        before = step.what
    click.echo()


async def _person(ctx: "Context", name: str) -> tuple[int, str]:
    row = await person_named(ctx, name)
    return row.id, row.uri


async def _person_or_new(ctx: "Context", name: str, email: str | None) -> int:
    from fedserver.errors import NotFound
    from fedserver.services.users import create_user

    try:
        return (await _person(ctx, name))[0]
    except NotFound:
        if email is None:
            raise NotFound(
                f"There is no user {name}: give --email to make one, or another --as"
            ) from None
    password = secrets.token_urlsafe(_RANDOM_PASSWORD_BYTES)
    account_id = await create_user(ctx, name, email, password)
    click.echo(f"{name} is made; the password: {password}")
    return account_id

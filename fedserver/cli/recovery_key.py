"""`fedserver recovery-key`: the words that bring an instance back when all else is lost."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.recovery.keys import RecoveryKey

_SHARES = "{}. {}"
_KEEP = (
    "Write these words down, on paper, and keep them away from this machine. Whoever has them can"
    " open every backup and name this network's successor. They are shown only now:"
)


@click.group("recovery-key")
def recovery_key() -> None:
    """Make, check and split the key that opens backups and names a successor.

    It is 24 words. The server keeps only the public half: to seal backups, not to open them.
    """


@recovery_key.command()
@click.option("--split", "split_as", metavar="K/N", help="Print N shares; any K give the words.")
@click.option("--replace", is_flag=True, help="Replace the key; asks for the words of the old one.")
@click.option("--former-is-lost", is_flag=True, help="Replace it although its words are lost.")
@with_config
def new(config: "Config", split_as: str | None, replace: bool, former_is_lost: bool) -> None:
    """Make the instance's recovery key and print its words, once.

    With --split 3/5 five shares of 33 words are printed instead: give them to five people, any
    three of whom can bring the network back together.
    """
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.services.instance_recovery import adopt_recovery_key

    parts = _parts(split_as)
    former = ask_for_key("words of the old recovery key") if replace else None
    key = RecoveryKey.new()
    lines = [key.words] if parts is None else _shares_of(key, *parts)
    run_with(config, lambda ctx: adopt_recovery_key(ctx, key, former=former, lost=former_is_lost))
    click.echo(f"{_KEEP}\n")
    for number, line in enumerate(lines, 1):
        click.echo(f"  {line if parts is None else _SHARES.format(number, line)}\n")
    click.echo(f"public half: {key.public.did}")


@recovery_key.command()
@with_config
def show(config: "Config") -> None:
    """Show the public half of the key, and since when it is used."""
    from fedserver.services.instance_recovery import current_recovery

    row = run_with(config, current_recovery)
    if row is None:
        click.echo("there is none yet; `fedserver recovery-key new` makes one")
        return
    click.echo(f"key:       {row.did}\nsealed to: {row.recipient}\nsince:     {row.created_at:%F}")


@recovery_key.command()
@click.option("--shares", type=click.IntRange(min=2), help="Ask for so many shares instead.")
@with_config
def check(config: "Config", shares: int | None) -> None:
    """Ask for the words (or shares) and tell whether they are this instance's key."""
    from fedserver.errors import Refused
    from fedserver.services.instance_recovery import current_recovery

    key = ask_for_key("words", shares)
    row = run_with(config, current_recovery)
    if row is None or row.did != key.public.did:
        raise Refused("These words are a recovery key, but not the one of this instance.")
    click.echo("these words are the recovery key of this instance")


@recovery_key.command()
@click.argument("needed", type=click.IntRange(min=2))
def join(needed: int) -> None:
    """Ask for NEEDED shares and print the 24 words that they give. Needs no instance."""
    click.echo(ask_for_key("words", needed).words)


def ask_for_key(what: str, shares: int | None = None) -> "RecoveryKey":
    """Ask, unseen, for 24 words, or for so many shares of them.

    Raises Invalid, which says what is wrong with them.
    """
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.recovery.words import join as join_shares

    if shares is None:
        return RecoveryKey.from_words(_asked(what))
    return RecoveryKey(join_shares([_asked(f"share {one}") for one in range(1, shares + 1)]))


def _asked(what: str) -> str:
    answer: str = click.prompt(what, hide_input=True)
    return answer


def _parts(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    needed, slash, shares = text.partition("/")
    if not (slash and needed.isdecimal() and shares.isdecimal()):
        raise click.UsageError(f"--split takes numbers as in 3/5, not “{text}”.")
    return int(needed), int(shares)


def _shares_of(key: "RecoveryKey", needed: int, shares: int) -> list[str]:
    from fedserver.recovery.words import split

    return split(key.seed, needed=needed, shares=shares)

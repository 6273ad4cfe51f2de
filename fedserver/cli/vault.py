"""`fedserver vault`: sealed copies of the instance elsewhere, and how it comes back from them."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.recovery_key import ask_for_key
from fedserver.cli.shared import run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.recovery.keys import RecoveryKey


@click.group()
def vault() -> None:
    """Keep sealed copies of everything elsewhere, and come back from them.

    Day one: `fedserver recovery-key new`, name targets in [vault], look with `vault status`. The
    worst day: `fedserver vault restore folder:/mnt/copies` on an empty machine.
    """


@vault.command()
@click.argument("targets", nargs=-1, required=True)
@click.option(
    "--words-file", type=click.File("r"), help="Read the words there; - is standard input."
)
@click.option("--shares", type=click.IntRange(min=2), help="Ask for so many shares instead.")
@with_config
def restore(
    config: "Config", targets: tuple[str, ...], words_file: click.File | None, shares: int | None
) -> None:
    """Bring everything back from TARGETS (folder:/path, bucket, mirror:https://host).

    Asks for the 24 words of the recovery key. The data folder has to be empty. What was fetched is
    kept until all is done: interrupted, type the same again.
    """
    from fedserver.survival.vault.command import restore_here

    key = _key_from(words_file, shares)
    run_async(restore_here(config, targets, key, click.echo))


def _key_from(words_file: object, shares: int | None) -> "RecoveryKey":
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.recovery.words import join

    if words_file is None:
        return ask_for_key("words", shares)
    text = words_file.read()  # type: ignore[attr-defined]  # click opened it
    if shares is None:
        return RecoveryKey.from_words(text)
    return RecoveryKey(join([line for line in text.splitlines() if line.strip()]))

"""`fedserver vault`: sealed copies of the instance elsewhere, and how it comes back from them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from fedserver.cli.recovery_key import ask_for_key
from fedserver.cli.shared import chosen_file, read_config, run_async, run_with, with_config

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from fedserver.clock import Clock
    from fedserver.config import Config
    from fedserver.context import Context
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.survival.mirrors.target import AsOwner
    from fedserver.survival.vault.drill import DrillReport
    from fedserver.survival.vault.reading import Opener

_CONFIG = Path("config.toml")


@click.group()
def vault() -> None:
    """Keep sealed copies of everything elsewhere, and come back from them.

    Day one: `fedserver recovery-key new`, name targets in [vault], look with `vault status`. The
    worst day: `fedserver vault restore folder:/mnt/copies` on an empty machine.
    """


@vault.command()
@with_config
def status(config: "Config") -> None:
    """Show how far every target is, and how far a restored instance is on its way back."""
    from fedserver.survival.vault.telling import status_lines

    for line in run_with(config, status_lines):
        click.echo(line)


@vault.command()
@click.option("--base", is_flag=True, help="Make a new base and a new minimum, too.")
@with_config
def now(config: "Config", base: bool) -> None:
    """Ship everything now, and wait until every target that works has it."""
    from fedserver.survival.vault.telling import ship_now

    run_with(config, lambda ctx: ship_now(ctx, base=base, say=click.echo))


@vault.command()
@click.argument("targets", nargs=-1, required=True)
@click.option(
    "--words-file",
    type=click.File("r"),
    help="Read the words (or shares, one a line) there; - is standard input.",
)
@click.option("--shares", type=click.IntRange(min=2), help="Ask for so many shares instead.")
@click.option("--minimum", is_flag=True, help="Only people, keys, follows and sessions.")
@click.option("--chain", help="Which chain, where two hosts went on from one vault.")
@click.option("--any-clock", is_flag=True, help="Go on although this machine's clock is behind.")
@click.option(
    "--identity",
    type=click.File(),
    help="An admin's age identity, of those that [vault] recipients names, in place of the words."
    " Needs --key.",
)
@click.option("--key", "did", help="The did:key that `recovery-key show` printed; with --identity.")
@with_config
def restore(
    config: "Config",
    targets: tuple[str, ...],
    words_file: IO[str] | None,
    shares: int | None,
    minimum: bool,
    chain: str | None,
    any_clock: bool,
    identity: IO[str] | None,
    did: str | None,
) -> None:
    """Bring everything back from TARGETS (folder:/path, bucket, mirror:https://host).

    Asks for the 24 words of the recovery key. Whoever has only an admin's age identity says by
    --key whose vault it is; mirrors give to holders of the words alone. The data folder has to be
    empty; without a configuration file the one in the vault is put here. `fedserver run` may be
    started as soon as this says so. What was fetched is kept until all is done: interrupted, type
    the same again.
    """
    if (identity is None) is not (did is None):
        raise click.UsageError("--identity and --key go together")
    if identity is None or did is None:
        holder = _Holder.of(_key_from(words_file, shares))
    else:
        holder = _Holder.with_identity(identity.read(), did)
    if minimum:
        run_async(_restore_minimum(config, targets, holder))
    else:
        run_async(_restore(config, targets, holder, chain=chain, any_clock=any_clock))


@dataclass(frozen=True, slots=True)
class _Holder:
    """Who restores: what opens, and, for holders of the words, what they prove it with."""

    opener: "Opener"
    signing: "Ed25519PrivateKey | None"

    @classmethod
    def of(cls, key: "RecoveryKey") -> "_Holder":
        from fedserver.survival.vault.reading import Opener

        return cls(Opener.of(key), key.signing)

    @classmethod
    def with_identity(cls, text: str, did: str) -> "_Holder":
        from fedserver.recovery.sealing import read_identity
        from fedserver.survival.vault.reading import Opener

        return cls(Opener(read_identity(text), recovery_did=did.strip()), None)

    def credentials(self, clock: "Clock") -> "AsOwner | None":
        """Give what mirrors ask for."""
        from fedserver.survival.mirrors.target import AsOwner

        return None if self.signing is None else AsOwner(self.signing, clock)


async def _restore_minimum(config: "Config", labels: tuple[str, ...], holder: _Holder) -> None:
    from fedserver.app import make_outgoing, open_context
    from fedserver.clock import SystemClock
    from fedserver.survival.vault import command
    from fedserver.survival.vault.targets import open_targets

    clock = SystemClock()
    async with make_outgoing(config, clock, lambda _host: False) as out:
        targets = open_targets(config, labels, out, holder.credentials(clock))
        pieces, settings = await command.restore_minimum_files(
            config, targets, holder.opener, click.echo
        )
    config = _with_settings(config, settings)
    async with open_context(config, beside=False) as ctx:
        for table, number in (await command.fill_with_minimum(ctx, pieces)).items():
            click.echo(f"{table}: {number}")
    command.clear_away(config)


async def _restore(
    config: "Config",
    labels: tuple[str, ...],
    holder: _Holder,
    *,
    chain: str | None,
    any_clock: bool,
) -> None:
    from fedserver.app import make_blobs, make_outgoing, open_context
    from fedserver.clock import SystemClock
    from fedserver.survival.vault import command
    from fedserver.survival.vault.targets import open_targets

    clock = SystemClock()
    async with AsyncExitStack() as stack:
        out = await stack.enter_async_context(make_outgoing(config, clock, lambda _host: False))
        targets = open_targets(config, labels, out, holder.credentials(clock))
        chest = await command.look(config, targets, holder.opener, click.echo)
        media = command.waiting_media(config)
        if media is None:
            chest.choose(chain)
            newest = await command.find_newest(chest, click.echo)
            if not any_clock:
                command.check_clock(newest.until, clock)
            if _file_in_use() is not None:
                command.check_domain(config, newest.instance)
            settings = await command.restore_here(config, newest, click.echo)
            config = _with_settings(config, settings)
            click.echo("starting the database: it replays the log")
            async with open_context(config, beside=False) as ctx:
                media = await command.mark_restored(ctx, newest.until)
        click.echo(f"the database is there; `fedserver run` may start. {len(media.names)} files:")
        found = await command.restore_media(make_blobs(config), media, chest, click.echo)
        click.echo(f"restored; of the files {found.restored} came, {found.missing} are missing")
        command.clear_away(config)


def _file_in_use() -> Path | None:
    return chosen_file() or (_CONFIG if _CONFIG.exists() else None)


def _with_settings(config: "Config", settings: str) -> "Config":
    """Without a configuration file, that of the vault becomes ours."""
    if _file_in_use() is not None:
        return config
    _CONFIG.touch(mode=0o600)
    _CONFIG.write_text(settings)
    return read_config(_CONFIG)


def _key_from(words_file: IO[str] | None, shares: int | None) -> "RecoveryKey":
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.recovery.words import join

    if words_file is None:
        return ask_for_key("words", shares)
    text = words_file.read()
    if shares is None:
        return RecoveryKey.from_words(text)
    return RecoveryKey(join([line for line in text.splitlines() if line.strip()]))


@vault.command()
@click.option("--words-file", type=click.File("r"), help="Open with the recovery key instead.")
@with_config
def drill(config: "Config", words_file: IO[str] | None) -> None:
    """Restore the newest copies into a scratch place and compare them with what is here.

    Counts every table, compares a thousand rows and files, rehearses an evacuation with what was
    restored, and notes the date: `fedserver doctor` warns when it is long ago.
    """
    from fedserver.errors import Refused

    key = None if words_file is None else _key_from(words_file, None)
    report = run_with(config, lambda ctx: _drill(ctx, key))
    if not report.proven:
        raise Refused(f"NOT PROVEN: {report.problem}")
    click.echo(
        f"proven: {report.tables} tables with {report.rows} rows, {report.compared} of them"
        f" compared, {report.files} files, up to {report.until} UTC, in {report.seconds} s;"
        f" {report.accounts} accounts could be evacuated"
    )


async def _drill(ctx: "Context", key: "RecoveryKey | None") -> "DrillReport":
    from fedserver.survival.vault import drill as drills
    from fedserver.survival.vault.telling import ship_now

    opener = await _opener(ctx, key)
    before = await drills.look_before(ctx)
    await ship_now(ctx, base=False, say=click.echo)
    return await drills.drill(ctx, before, opener, click.echo)


async def _opener(ctx: "Context", key: "RecoveryKey | None") -> "Opener":
    from fedserver.errors import Refused
    from fedserver.survival.vault.keys import own_identity, vault_keys
    from fedserver.survival.vault.reading import Opener

    if key is not None:
        return Opener.of(key)
    keys = await vault_keys(ctx)
    if keys is None or not ctx.config.vault.open_with_instance_key:
        raise Refused("This server cannot open its own copies: name --words-file")
    return Opener(own_identity(ctx.secrets), instance_did=keys.did)


@vault.command()
@with_config
def verify(config: "Config") -> None:
    """Check at every target by itself that nothing is missing, cut off or swapped."""
    from fedserver.errors import Refused

    if not run_with(config, _verify):
        raise Refused("not every target could be restored from by itself, in full")


async def _verify(ctx: "Context") -> bool:
    from fedserver.survival.vault import drill as drills

    return await drills.verify(ctx, await _opener(ctx, None), click.echo)

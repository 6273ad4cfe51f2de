"""`fedserver evacuate`: the domain is lost, and everybody goes on under another one."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click

from fedserver.cli.recovery_key import ask_for_key
from fedserver.cli.shared import chosen_file, run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.context import Context
    from fedserver.recovery.keys import RecoveryKey
    from fedserver.survival.evacuation.planning import Plan
    from fedserver.survival.evacuation.rehearsing import Rehearsal
    from storage.evacuations import EvacuationRow, ProgressRow

T = TypeVar("T")

_LOOK_EVERY_S = 2.0
_SURE = (
    "Every account goes on as NAME@{new}; their followers everywhere are asked to follow there."
    " This cannot be taken back. Go on?"
)


@click.command()
@click.option("--to", "domain", metavar="NEW-DOMAIN", help="Where everybody goes on.")
@click.option("--dry-run", is_flag=True, help="Print who would be told what; change nothing.")
@click.option("--rehearse", is_flag=True, help="Do all of it but telling the world; take it back.")
@click.option("--status", is_flag=True, help="Print how far it is.")
@click.option("--watch", is_flag=True, help="Show how far it is until it is done.")
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1000),
    default=5.0,
    show_default=True,
    help="Activities a second, for each peer.",
)
@click.option("--shares", type=click.IntRange(min=2), help="Ask for so many shares of the words.")
@click.option("--without-certificate", is_flag=True, help="Nobody has the recovery key's words.")
@click.option(
    "--now",
    "at_once",
    is_flag=True,
    help="Tell everybody although NEW-DOMAIN does not lead here yet, as seen from here.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_config
def evacuate(
    config: "Config",
    domain: str | None,
    dry_run: bool,
    rehearse: bool,
    status: bool,
    watch: bool,
    rate: float,
    shares: int | None,
    without_certificate: bool,
    at_once: bool,
    yes: bool,
) -> None:
    """Move every account, with its followers, to NEW-DOMAIN, although the old one is lost.

    \b
    1. Let NEW-DOMAIN lead to this machine, with a certificate for https.
    2. Stop the server.        fedserver evacuate --to NEW-DOMAIN
    3. Start it again; it tells all peers, in what each of them understands.
       fedserver evacuate --watch   shows who has come.

    It can be interrupted at any time: the same command goes on.
    """
    if status or watch:
        run_async(_opened(config, lambda ctx: _watch(ctx, until_done=watch)))
        return
    if at_once and domain is None:
        run_async(_opened(config, _tell_at_once))
        return
    if domain is None:
        raise click.UsageError("give --to NEW-DOMAIN (or --status, --watch, --now)")
    if dry_run:
        _print_plan(run_async(_opened(config, lambda ctx: _plan(ctx, domain))))
        return
    if rehearse:
        _print_rehearsal(run_async(_opened(config, lambda ctx: _rehearse(ctx, domain))))
        return
    if not yes:
        click.confirm(_SURE.format(new=domain), abort=True)
    key = None if without_certificate else _key(config, shares)
    row = run_async(_opened(config, lambda ctx: _switch(ctx, domain, rate, key)))
    _write_config(row)
    click.echo(
        "Now start the server (`fedserver run`). It tells everybody as soon as the new domain leads"
        " to it; `fedserver evacuate --watch` shows who has come."
    )


async def _opened(config: "Config", work: Callable[["Context"], Awaitable[T]]) -> T:
    from fedserver.app import open_context

    async with open_context(config, any_domain=True) as ctx:
        return await work(ctx)


async def _old_base(ctx: "Context") -> str:
    """Where the instance is, which the configuration may not say any more."""
    from storage.evacuations import CURRENT_BASE, EVACUATION_UNDER_WAY

    under_way = await ctx.db.one(EVACUATION_UNDER_WAY)
    if under_way is not None:
        return under_way.old_base
    return await ctx.db.value(CURRENT_BASE) or ctx.config.base_url


def _key(config: "Config", shares: int | None) -> "RecoveryKey | None":
    """Ask for the words of the recovery key, where the instance has one."""
    from fedserver.errors import Refused
    from fedserver.services.instance_recovery import current_recovery

    row = run_async(_opened(config, current_recovery))
    if row is None:
        click.echo("There is no recovery key: nothing will prove to others who the successor is.")
        return None
    key = ask_for_key("words of the recovery key (--without-certificate: nobody has them)", shares)
    if key.public.did != row.did:
        raise Refused("These words are a recovery key, but not the one of this instance.")
    return key


async def _switch(
    ctx: "Context", domain: str, rate: float, key: "RecoveryKey | None"
) -> "EvacuationRow":
    from fedserver.services.instance_recovery import authorize_at
    from fedserver.survival.evacuation import planning

    row = await planning.begin(ctx, await _old_base(ctx), domain, rate)
    if key is not None and row.certificate is None:
        await planning.certify(ctx, row, key)
    while row.state == "preparing":
        await planning.prepare_keys(ctx, row, _progress("keys"))
        await planning.switch(ctx, row)
        row = await planning.under_way(ctx)
    if key is not None:
        await authorize_at(ctx, row.new_base, key)
    await planning.move_pages(ctx, row, lambda done: _progress("posts")(done, done))
    return row


def _progress(what: str) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        click.echo(f"\r{what}: {done} of {total}", nl=done >= total, err=True)

    return show


def _write_config(row: "EvacuationRow") -> None:
    """Let the configuration name the new domain, or say who else must."""
    from fedserver.config.loading import DEFAULT_FILE
    from fedserver.config.rewriting import write_domain

    domain = row.new_base.partition("://")[2]
    if os.environ.get("FEDSERVER_INSTANCE__DOMAIN"):
        click.echo(f"Set FEDSERVER_INSTANCE__DOMAIN={domain} in the server's environment.")
        return
    path = chosen_file() or DEFAULT_FILE
    write_domain(path, domain)
    click.echo(f'{path}: domain = "{domain}" is set in [instance].')


async def _plan(ctx: "Context", domain: str) -> "Plan":
    from fedserver.survival.evacuation import planning

    return await planning.plan(ctx, await _old_base(ctx), domain)


def _print_plan(plan: "Plan") -> None:
    steps: dict[str, list[str]] = {}
    for one in plan.messages:
        steps.setdefault(one.host, []).append(f"{one.step} {one.messages}")
    click.echo(f"{plan.accounts} accounts; {len(plan.peers)} peers:")
    for peer in plan.peers:
        said = ", ".join(steps.get(peer.host, ()))
        software = peer.software or "unknown software"
        click.echo(f"  {peer.host} ({software}, as {peer.family}): {peer.followers} followers")
        click.echo(f"      {said}")


async def _rehearse(ctx: "Context", domain: str) -> "Rehearsal":
    from fedserver.survival.evacuation.rehearsing import rehearse

    return await rehearse(ctx, await _old_base(ctx), domain)


def _print_rehearsal(rehearsal: "Rehearsal") -> None:
    from fedserver.errors import Refused

    click.echo(f"{rehearsal.accounts} accounts were switched, and back again:")
    for host in sorted({*rehearsal.taken, *rehearsal.refused}):
        taken, refused = rehearsal.taken[host], rehearsal.refused[host]
        click.echo(f"  {host}: {taken} of {taken + refused} activities would be taken")
    for reason, times in rehearsal.reasons.most_common():
        click.echo(f"  {times} times: {reason}")
    if rehearsal.reasons:
        raise Refused("Some of what would be sent would be refused.")


async def _tell_at_once(ctx: "Context") -> None:
    from fedserver.events import EVACUATION, NOTIFY
    from fedserver.survival.evacuation import planning
    from storage.evacuations import MARK_SENDING

    row = await planning.under_way(ctx)
    await ctx.db.execute(MARK_SENDING, row.id)
    await ctx.db.execute(NOTIFY, EVACUATION, "")
    click.echo("everybody is told now")


async def _watch(ctx: "Context", *, until_done: bool) -> None:
    from fedserver.errors import Refused
    from storage.evacuations import LAST_EVACUATION, PROGRESS

    shown = 0
    while True:
        row = await ctx.db.one(LAST_EVACUATION)
        if row is None:
            raise Refused("There was no evacuation.")
        lines = table(row, await ctx.db.fetch(PROGRESS, row.id))
        if shown and sys.stdout.isatty():
            click.echo(f"\x1b[{shown}A\x1b[J", nl=False)
        click.echo("\n".join(lines))
        shown = len(lines)
        if not until_done or row.state == "done":
            return
        await asyncio.sleep(_LOOK_EVERY_S)


def table(row: "EvacuationRow", peers: "Sequence[ProgressRow]") -> list[str]:
    """Give the lines that show how it stands with each peer."""
    names = ("peer", "software", "sent", "taken", "refused", "followers", "came", "follows", "")
    cells = [
        (
            one.host,
            one.software or "?",
            f"{one.sent}/{one.planned}",
            str(one.accepted),
            str(one.refused),
            str(one.followers),
            str(one.came),
            f"{one.answered}/{one.follows}",
            one.reason or "",
        )
        for one in peers
    ]
    widths = [max(len(line[place]) for line in (names, *cells)) for place in range(len(names))]
    followers, came = sum(one.followers for one in peers), sum(one.came for one in peers)
    share = f"{100 * came / followers:.1f} %" if followers else "nobody to bring along"
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (names, *cells)
    ]
    return [
        f"{row.old_base} → {row.new_base}: {row.state}; {came} of {followers} came: {share}",
        *lines,
    ]


@click.group()
def successor() -> None:
    """Say ahead of time where everybody would go if the domain were lost."""


@successor.command("announce")
@click.argument("domain")
@click.option("--shares", type=click.IntRange(min=2), help="Ask for so many shares of the words.")
@with_config
def announce(config: "Config", domain: str, shares: int | None) -> None:
    """Name DOMAIN as a successor, signed by the recovery key; peers keep it."""
    key = _required_key(config, shares)
    named = run_async(_opened(config, lambda ctx: _name(ctx, key, add=domain)))
    click.echo(f"named: {', '.join(named)}")


@successor.command("withdraw")
@click.argument("domain")
@click.option("--shares", type=click.IntRange(min=2), help="Ask for so many shares of the words.")
@with_config
def withdraw(config: "Config", domain: str, shares: int | None) -> None:
    """Name DOMAIN no longer."""
    key = _required_key(config, shares)
    named = run_async(_opened(config, lambda ctx: _name(ctx, key, remove=domain)))
    click.echo(f"named: {', '.join(named) or 'none'}")


@successor.command("list")
@with_config
def list_successors(config: "Config") -> None:
    """List the successors that are named."""
    from fedserver.services.successions import announced

    for domain in run_async(_opened(config, announced)):
        click.echo(domain)


def _required_key(config: "Config", shares: int | None) -> "RecoveryKey":
    from fedserver.errors import Refused

    key = _key(config, shares)
    if key is None:
        raise Refused("A successor needs the recovery key: `fedserver recovery-key new` makes one")
    return key


async def _name(
    ctx: "Context", key: "RecoveryKey", *, add: str | None = None, remove: str | None = None
) -> list[str]:
    from fedserver.services.successions import announce

    return await announce(ctx, key, add=add, remove=remove)

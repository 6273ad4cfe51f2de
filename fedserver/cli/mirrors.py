"""`fedserver mirror …`: instances that keep things for each other, beside a running server."""

from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_with, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from storage.mirrors import ContractRow

_COLUMNS = "{:<9} {:<30} {:>22} {:>12}  {}"


@click.group()
def mirror() -> None:
    """Keep sealed backups, public posts and media for other instances, as they do for you.

    One admin offers, the other accepts. From then on the vault may use the target
    `mirror:https://HOST`, and when one host is lost, the other still has what it needs to return.
    """


@mirror.command()
@click.argument("host")
@click.option("--quota", required=True, help="How much we keep for HOST: 500MB, 10GB.")
@click.option("--in-return", help="How much HOST keeps for us. [default: as much]")
@click.option(
    "--classes",
    default="chunks,objects,media",
    show_default=True,
    help="What is kept: sealed chunks, public objects, public media; some of them, with commas.",
)
@with_config
def offer(config: "Config", host: str, quota: str, in_return: str | None, classes: str) -> None:
    """Offer the instance HOST that you keep things for each other.

    Its admin answers with `fedserver mirror accept`. Make a recovery key first (`fedserver
    recovery-key new`): only what was agreed on with it can be read with those 24 words when
    everything else is lost. Offer again to change the terms.
    """
    from fedserver.survival.mirrors import negotiating
    from fedserver.survival.mirrors.terms import read_bytes

    kept = read_bytes(quota)
    given = kept if in_return is None else read_bytes(in_return)
    named = [one.strip() for one in classes.split(",")]
    row = run_with(
        config,
        lambda ctx: negotiating.offer(ctx, host, kept_bytes=kept, given_bytes=given, classes=named),
    )
    click.echo(f"offered to {row.host}; its admin accepts with: fedserver mirror accept …")
    if row.offer is not None and row.offer["recovery"] is None:
        click.echo(
            "There is no recovery key here yet, so this contract names none. Make one with"
            " `fedserver recovery-key new`, and offer again.",
            err=True,
        )


@mirror.command()
@click.argument("host")
@with_config
def accept(config: "Config", host: str) -> None:
    """Accept what the instance HOST offered (`fedserver mirror list` shows the terms)."""
    from fedserver.survival.mirrors import negotiating

    row = run_with(config, lambda ctx: negotiating.accept(ctx, host))
    click.echo(
        f"agreed with {row.host}: we keep {_bytes(row.kept_quota)} for it,"
        f" it keeps {_bytes(row.given_quota)} for us"
    )


@mirror.command()
@click.argument("host")
@with_config
def end(config: "Config", host: str) -> None:
    """End the contract with HOST, or decline its offer.

    What it kept for us stays readable for the days that were agreed on.
    """
    from fedserver.survival.mirrors import negotiating

    row = run_with(config, lambda ctx: negotiating.end(ctx, host))
    click.echo(f"ended with {row.host}; each keeps what it has for {row.retention_days} days more")


@mirror.command("take-down")
@click.argument("subject")
@click.option("--reason", default="", help="For your own notes.")
@click.option("--put-back", is_flag=True, help="Let it be kept again when it is brought anew.")
@with_config
def take_down(config: "Config", subject: str, reason: str, put_back: bool) -> None:
    """Give out no more of SUBJECT here: the address of a post or person of a partner, or a host.

    What this server blocks or suspends anyway is never given out; this is for what is only kept.
    """
    from fedserver.survival.mirrors import takedowns

    if put_back:
        named = run_with(config, lambda ctx: takedowns.put_back(ctx, subject))
        click.echo(f"{named} may be kept again")
        return
    named = run_with(config, lambda ctx: takedowns.take_down(ctx, subject, reason))
    click.echo(f"{named} is forgotten, and is not kept again")


@mirror.command("taken-down")
@with_config
def taken_down(config: "Config") -> None:
    """List what this mirror does not give out."""
    from fedserver.survival.mirrors import takedowns

    for row in run_with(config, takedowns.takedowns):
        click.echo(f"{row.created_at:%Y-%m-%d}  {row.subject}  {row.reason}".rstrip())


@mirror.command("list")
@with_config
def list_(config: "Config") -> None:
    """List contracts and offers: who keeps how much for whom, and what."""
    from fedserver.survival.mirrors import negotiating

    click.echo(_COLUMNS.format("state", "instance", "we keep", "we are given", "classes"))
    for row in run_with(config, negotiating.contracts):
        _show(row)


def _show(row: "ContractRow") -> None:
    if row.agreement is not None:
        kept = f"{_bytes(row.kept_bytes)} of {_bytes(row.kept_quota)}"
        classes = ",".join(row.classes)
        click.echo(_COLUMNS.format(row.state, row.host, kept, _bytes(row.given_quota), classes))
    if row.last_error is not None:
        click.echo(f"  our posts do not get there: {row.last_error}", err=True)
    if row.offer is None:
        return
    sides = (row.offer["offererKeeps"], row.offer["accepterKeeps"])
    kept, given = (_bytes(one) for one in (sides if row.offered_by_us else sides[::-1]))
    state = "offered" if row.offered_by_us else "asked"
    click.echo(_COLUMNS.format(state, row.host, kept, given, ",".join(row.offer["classes"])))
    changed = not row.offered_by_us and row.recovery_did not in (None, row.offer["recovery"])
    if changed:
        click.echo(
            f"  {row.host} names another recovery key than the one that we agreed with. Ask its"
            " admin, over another channel, before you accept.",
            err=True,
        )


def _bytes(count: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1_000:
            return f"{count:.4g} {unit}"
        count /= 1_000
    return f"{count:.4g} TB"

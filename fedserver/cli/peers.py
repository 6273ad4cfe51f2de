"""`fedserver peers`: how we stand with other servers. Works beside the running server."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fedserver.cli.shared import run_async, with_config

if TYPE_CHECKING:
    from fedserver.config import Config
    from fedserver.services.peers import Peer

_COLUMNS = "{:<32} {:<24} {:<17} {:>7}  {:<8} {}"


@click.command()
@click.option("--host", help="Only this host and those below it, with the last refusals.")
@click.option("--failing", is_flag=True, help="Only those in trouble: failing, parked, gone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with everything known.")
@with_config
def peers(config: "Config", host: str | None, failing: bool, as_json: bool) -> None:
    """List the servers we know: software, last success, queue, signatures, state."""
    found = run_async(_peers(config, host, failing))
    if as_json:
        click.echo(_as_json(found))
        return
    click.echo(_COLUMNS.format("host", "software", "last success", "waiting", "dialect", "state"))
    for peer in found:
        click.echo(_line(peer))
        if host is not None:
            _print_details(peer)


async def _peers(config: "Config", host: str | None, failing: bool) -> "list[Peer]":
    from fedserver.app import open_context
    from fedserver.services.domains import normal_domain
    from fedserver.services.peers import peers

    name = normal_domain(host) if host is not None else None
    async with open_context(config) as ctx:
        return await peers(ctx, host=name, failing=failing)


def _line(peer: "Peer") -> str:
    row = peer.row
    success = f"{row.last_success_at:%Y-%m-%d %H:%M}" if row.last_success_at else "never"
    software = f"{row.software or '?'} {row.software_version or ''}".strip()
    return _COLUMNS.format(row.host, software, success, row.waiting, row.dialect, peer.state)


def _print_details(peer: "Peer") -> None:
    if peer.row.last_error:
        click.echo(f"    last error: {peer.row.last_error}")
    for one in peer.refusals:
        who = "we refused" if one.refused_by == "us" else "they refused"
        click.echo(f"    {one.refused_at:%Y-%m-%d %H:%M} {who} {one.activity}: {one.reason}")


def _as_json(found: "list[Peer]") -> str:
    import orjson

    documents = [
        {
            **asdict(peer.row),
            "state": peer.state,
            "refusals": [asdict(refusal) for refusal in peer.refusals],
        }
        for peer in found
    ]
    return orjson.dumps(documents, option=orjson.OPT_INDENT_2).decode()

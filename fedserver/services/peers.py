"""How we stand with each peer, put together for the admin."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from fedserver.context import Context
from storage.peers import PEERS_IN_DETAIL, REFUSALS_OF_HOSTS, PeerRow, RefusalRow


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer, in what state it is, and the last refusals, newest first."""

    row: PeerRow
    state: str
    refusals: tuple[RefusalRow, ...]


async def peers(ctx: Context, *, host: str | None, failing: bool) -> list[Peer]:
    """Give every peer; only `host` and what is below it, or only those that are in trouble."""
    rows = await ctx.db.fetch(PEERS_IN_DETAIL, host, failing)
    refusals: dict[str, list[RefusalRow]] = defaultdict(list)
    for refusal in await ctx.db.fetch(REFUSALS_OF_HOSTS, [row.host for row in rows]):
        refusals[refusal.host].append(refusal)
    return [Peer(row, state(ctx, row), tuple(refusals[row.host])) for row in rows]


def state(ctx: Context, row: PeerRow) -> str:
    """Say in a few words how we stand with a peer."""
    if ctx.domains.is_blocked(row.host):
        return "blocked"
    if ctx.domains.refuses(row.host):
        return "not allowed"
    delivery = _delivery_state(row)
    return f"limited, {delivery}" if row.rule == "limit" else delivery


def _delivery_state(row: PeerRow) -> str:
    if row.gone_at is not None:
        return f"gone since {_time(row.gone_at)}"
    if row.is_behind and not row.failures:
        return "catching up"
    if row.parked_at is not None:
        return f"parked since {_time(row.parked_at)}"
    if row.failures and row.next_try_at is not None:
        return f"backing off until {_time(row.next_try_at)}"
    return f"failing since {_time(row.failing_since)}" if row.failing_since else "ok"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"

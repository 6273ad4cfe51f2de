"""`make drill`: a whole town moves while its old domain is dead, and what comes along is printed.
The same, smaller and quicker, is in test_evacuation.py."""

import time
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.conftest import unused_port
from tests.resilience.evacuees import Site, came, evacuate, let_follow, people
from tests.resilience.model_peers import MOVING, Names, model_peers, parking_page
from tests.waiting import until

OLD, NEW = "old.test", "new.test"
AIM = 0.99


@pytest.mark.drill
async def test_a_town_moves_within_two_minutes(database_dsn: str, tmp_path: Path) -> None:
    """200 accounts, each followed on seven kinds of peers, at the pace that is the default."""
    site = Site(database_dsn, tmp_path / "data", unused_port(), Names())
    names = [f"person{number}" for number in range(200)]
    async with AsyncExitStack() as stack:
        ports = {kind: unused_port() for kind in MOVING}
        peers = await stack.enter_async_context(model_peers(site.names, ports, people=1))
        async with site.running_at(OLD) as old:
            await let_follow(old, peers, await people(old, names))
        site.names.ports[OLD] = port = unused_port()
        await stack.enter_async_context(parking_page(port))
        begun_s = time.monotonic()
        await evacuate(site, OLD, NEW, rate=5.0)
        switched_s = time.monotonic() - begun_s
        targets = [f"http://{NEW}/users/{name}" for name in names]
        total = len(targets) * len(peers)

        async def enough_came() -> bool:
            return sum(came(peers, targets).values()) >= AIM * total

        async with site.running_at(NEW):
            await until(enough_came, within_s=240)
            took_s = time.monotonic() - begun_s
            by_peer = {
                name: f"{count}/{len(targets)}" for name, count in came(peers, targets).items()
            }
        print(
            f"\nkeys and switch {switched_s:.1f} s; 99 % of {total} after {took_s:.1f} s: {by_peer}"
        )
        assert took_s < 120
